import { isGanglionError, type Timer } from "@ganglion/kernel";
import type { Runtime } from "../runtime/runtime.js";
import type { OrderedRead } from "../transport/jetstream.js";
import type { StoredMessage } from "../transport/message.js";
import type { StreamSpec } from "../transport/stream-spec.js";
import { shareChange } from "./fair-share.js";

/** Signs of life in each lease. */
const RENEWALS = 3;
/** Share of a lease that running methods have to end when a partition is handed over. */
const HANDOVER_SHARE = 0.5;
/** Leases nobody renews any more are forgotten after this. */
const KEEP_MS = 24 * 3_600_000;

/** Stream of a service's leases, in the form of a key-value bucket. */
export function leaseStream(service: string): StreamSpec {
  return {
    name: `KV_${service}-leases`,
    description: `Who works on which partition of ${service}`,
    subjects: [`$KV.${service}-leases.>`],
    maxMessagesPerSubject: 1,
    maxAgeMs: KEEP_MS,
  };
}

/** What {@link PartitionLeases} is made with. */
export interface PartitionLeasesOptions {
  readonly runtime: Runtime;
  readonly service: string;
  /** Whose partitions these are: the durable name. */
  readonly group: string;
  readonly partitions: number;
  /** How long an owner that shows no sign of life keeps its partitions. */
  readonly leaseMs: number;
  /**
   * This process owns a partition now.
   *
   * @param takenOver - the owner before it did not give it up: what it was working on may still be unsettled.
   */
  acquired(partition: number, takenOver: boolean): void;
  /**
   * It does not any more, or will not in a moment: the work must end. It is awaited before somebody else is let in, if
   * there is time.
   *
   * @param graceMs - how long running methods may go on.
   */
  lost(partition: number, graceMs: number): Promise<void>;
}

interface Lease {
  /** Of the last renewal. */
  sequence: number;
  /** Monotonic. */
  renewedMs: number;
  /** Set while the work ends, so that others can take over. */
  handover: Promise<void> | undefined;
}

interface SeenRecord {
  readonly owner: string;
  readonly sequence: number;
  /** Monotonic time it was seen at: wall clocks of others are not looked at. */
  readonly seenMs: number;
}

/**
 * Shares partitions among the processes of a service: each has one owner, which renews its lease. A partition whose
 * owner is silent for a lease is taken over by compare-and-set, so that of two that try one gets it.
 */
export class PartitionLeases {
  private readonly prefix: string;
  private readonly stream: string;
  private readonly members = new Map<string, SeenRecord>();
  private readonly owners = new Map<number, SeenRecord>();
  /** Partitions this process owns. */
  private readonly own = new Map<number, Lease>();
  private reading: OrderedRead | undefined;
  private timer: Timer | undefined;
  /** Rounds and handovers, one after the other. */
  private turn: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(private readonly options: PartitionLeasesOptions) {
    this.prefix = `$KV.${options.service}-leases.${options.group}.`;
    this.stream = leaseStream(options.service).name;
  }

  get owned(): readonly number[] {
    return [...this.own.keys()].sort((a, b) => a - b);
  }

  async start(): Promise<void> {
    const caughtUp = new Promise<void>((resolve) => {
      this.options.runtime.transport.jetstream
        .readOrdered(this.stream, {
          filterSubjects: [`${this.prefix}>`],
          allowGap: true,
          onBatch: (messages) => this.see(messages),
          onCaughtUp: () => resolve(),
        })
        .then(
          (reading) => {
            this.reading = reading;
            reading.closed.catch((error) => this.log("leases cannot be read", error));
          },
          (error) => {
            this.log("leases cannot be read", error);
            resolve();
          },
        );
    });
    await caughtUp;
    await this.inTurn(() => this.beat());
    this.schedule();
  }

  /** Gives everything up, so that others need not wait for a lease to end. */
  async stop(): Promise<void> {
    this.stopping = true;
    // Leases are renewed until the work has ended.
    await Promise.all(this.owned.map((partition) => this.release(partition)));
    this.timer?.cancel();
    await this.inTurn(async () => void (await this.write(`member.${this.self}`, "", undefined)));
    await this.reading?.stop();
  }

  private get self(): string {
    return this.options.runtime.instanceId;
  }

  private nowMs(): number {
    return this.options.runtime.clock.monotonicMs();
  }

  private schedule(): void {
    const { runtime, leaseMs } = this.options;
    this.timer = runtime.clock.schedule(leaseMs / RENEWALS, () => {
      void this.inTurn(() => this.beat()).then(() => {
        if (!this.stopping || this.own.size > 0) this.schedule();
      });
    });
  }

  /** Changes of leases must not cross: each builds on the sequence of the one before. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    this.turn = this.turn.then(work).catch((error) => this.log("leases cannot be changed", error));
    return this.turn;
  }

  private see(messages: readonly StoredMessage[]): void {
    for (const { subject, sequence, text } of messages.map((message) => ({
      subject: message.subject,
      sequence: message.sequence,
      text: message.text(),
    }))) {
      const [what, id = ""] = subject.slice(this.prefix.length).split(".");
      const record = { owner: text, sequence, seenMs: this.nowMs() };
      if (what === "member") this.members.set(id, record);
      else this.owners.set(Number(id), record);
    }
  }

  private lives({ owner, seenMs }: SeenRecord): boolean {
    return owner !== "" && this.nowMs() - seenMs < this.options.leaseMs;
  }

  /** One round: shows that it lives, renews what it has, and takes or gives up what it should. */
  private async beat(): Promise<void> {
    try {
      await this.write(`member.${this.self}`, this.self, undefined);
      for (const partition of this.owned) await this.renew(partition);
      await this.balance();
    } catch (error) {
      this.log("leases cannot be renewed", error);
    }
    await this.giveUpOverdue();
  }

  private async balance(): Promise<void> {
    if (this.stopping) return;
    const members = [...this.members.values()]
      .filter((record) => this.lives(record))
      .map(({ owner }) => owner);
    const owners = Array.from({ length: this.options.partitions }, (_, partition) => {
      if (this.own.has(partition)) return this.self;
      const record = this.owners.get(partition);
      return record !== undefined && this.lives(record) ? record.owner : undefined;
    });
    const { take, release } = shareChange({
      self: this.self,
      members: [...new Set([...members, this.self])],
      owners,
    });
    for (const partition of release) void this.release(partition);
    for (const partition of take) await this.take(partition);
  }

  private async take(partition: number): Promise<void> {
    const before = this.owners.get(partition);
    const expected = before?.sequence ?? 0;
    const sequence = await this.write(`partition.${partition}`, this.self, expected);
    if (sequence === undefined) return;
    this.own.set(partition, { sequence, renewedMs: this.nowMs(), handover: undefined });
    this.options.acquired(partition, before !== undefined && before.owner !== "");
  }

  private async renew(partition: number): Promise<void> {
    const lease = this.own.get(partition);
    if (lease === undefined) return;
    const startedMs = this.nowMs();
    const sequence = await this.write(`partition.${partition}`, this.self, lease.sequence);
    if (sequence === undefined) {
      this.log("a partition was taken over", undefined, { partition });
      await this.lose(partition);
    } else {
      lease.sequence = sequence;
      lease.renewedMs = startedMs;
    }
  }

  /** What could not be renewed for most of a lease is given up before others take it. */
  private async giveUpOverdue(): Promise<void> {
    const limitMs = (this.options.leaseMs * (RENEWALS - 1)) / RENEWALS;
    const overdue = this.owned.filter((partition) => {
      const lease = this.own.get(partition);
      return lease !== undefined && this.nowMs() - lease.renewedMs > limitMs;
    });
    await Promise.all(overdue.map((partition) => this.lose(partition)));
  }

  /** Ends the work, then lets others in. */
  private release(partition: number): Promise<void> {
    const lease = this.own.get(partition);
    if (lease === undefined) return Promise.resolve();
    lease.handover ??= this.ended(partition, this.options.leaseMs * HANDOVER_SHARE).then(() =>
      this.inTurn(async () => {
        // It may have been lost meanwhile.
        if (this.own.get(partition) !== lease) return;
        this.own.delete(partition);
        await this.write(`partition.${partition}`, "", lease.sequence);
      }),
    );
    return lease.handover;
  }

  private async lose(partition: number): Promise<void> {
    this.own.delete(partition);
    await this.ended(partition, 0);
  }

  private async ended(partition: number, graceMs: number): Promise<void> {
    try {
      await this.options.lost(partition, graceMs);
    } catch (error) {
      this.log("work on a partition could not be ended", error, { partition });
    }
  }

  /** @returns undefined when somebody else was faster. */
  private async write(key: string, owner: string, expected: number | undefined): Promise<number | undefined> {
    const { jetstream } = this.options.runtime.transport;
    const timeoutMs = Math.max(100, this.options.leaseMs / RENEWALS);
    try {
      const ack = await jetstream.append(this.prefix + key, owner, {
        expectedLastSubjectSequence: expected,
        expectedStream: this.stream,
        timeoutMs,
      });
      return ack.sequence;
    } catch (error) {
      if (isGanglionError(error, "WRONG_LAST_SEQUENCE")) return undefined;
      throw error;
    }
  }

  private log(message: string, error: unknown, fields: object = {}): void {
    const { logger } = this.options.runtime;
    logger.warn(message, { group: this.options.group, ...fields, ...(error !== undefined && { error }) });
  }
}
