import { type Logger, noopObserver, silentLogger, VirtualClock } from "@ganglion/kernel";
import type { SagaDefinition } from "../definition.js";
import {
  type AppendOutcome,
  decodeEntry,
  encodeEntry,
  type JournalRecord,
  type SagaEntry,
} from "../journal.js";
import { SagaWorker } from "../saga-worker.js";
import type { StepBody } from "../step-runner.js";
import type { Trigger, TriggerBody } from "../triggers.js";

/** Where a process can be killed. Every call of a port passes two points: before and after it had its effect. */
export type CrashPoint = (process: SimulatedProcess, point: string) => boolean;

/** Options of a {@link SimulatedCluster}. */
export interface SimulatedClusterOptions {
  readonly definition: SagaDefinition;
  /** The steps of one process; `hop` must be awaited around every effect, so that a crash can happen there. */
  readonly body: (hop: (point: string) => Promise<void>) => StepBody;
  readonly leaseMs: number;
  readonly maxTakeovers?: number;
  /** @default never */
  readonly crash?: CrashPoint;
  /** Called for every stored entry, with the one it replaces. */
  readonly onEntry?: (entry: SagaEntry, previous: SagaEntry | undefined) => void;
  readonly logger?: Logger;
}

interface StoredTrigger {
  readonly id: string;
  readonly body: TriggerBody;
  readonly sequence: number;
  deliveryCount: number;
  settled: boolean;
  /** Changes with every delivery and settlement, so that a late redelivery timer knows it is late. */
  turn: number;
}

/**
 * Journal, triggers and worker processes in memory, on a virtual clock: what JetStream does for sagas, so that every
 * order of crashes can be played through.
 */
export class SimulatedCluster {
  readonly clock = new VirtualClock();
  private readonly entries = new Map<string, { bytes: Uint8Array; sequence: number }>();
  private readonly triggers: StoredTrigger[] = [];
  private readonly processes: SimulatedProcess[] = [];
  private sequence = 0;
  private turn = 0;
  private started = 0;

  constructor(readonly options: SimulatedClusterOptions) {}

  /** Starts a process; a crashed one is replaced by calling this again. */
  startProcess(): SimulatedProcess {
    const process = new SimulatedProcess(this, `p${++this.started}`);
    this.processes.push(process);
    return process;
  }

  get aliveCount(): number {
    return this.processes.filter((process) => process.alive).length;
  }

  /** The last entry of a saga. */
  entry(id: string): SagaEntry | undefined {
    return this.read(id)?.entry;
  }

  publish(id: string, body: TriggerBody): void {
    const trigger = {
      id,
      body,
      sequence: this.triggers.length + 1,
      deliveryCount: 0,
      settled: false,
      turn: 0,
    };
    this.triggers.push(trigger);
    const delayMs = body.kind === "timer" ? body.dueAtMs - this.clock.nowMs() : 0;
    this.deliverLater(trigger, delayMs);
  }

  read(id: string): JournalRecord | undefined {
    const stored = this.entries.get(id);
    return stored && { entry: decodeEntry(stored.bytes), sequence: stored.sequence };
  }

  append(entry: SagaEntry, expectedSequence: number): AppendOutcome {
    const last = this.read(entry.id);
    if ((last?.sequence ?? 0) !== expectedSequence) return { kind: "conflict" };
    this.entries.set(entry.id, { bytes: encodeEntry(entry), sequence: ++this.sequence });
    this.options.onEntry?.(entry, last?.entry);
    return { kind: "stored", sequence: this.sequence };
  }

  hasStart(id: string): boolean {
    return this.triggers.some((trigger) => trigger.id === id && trigger.body.kind === "start");
  }

  /** Triggers that are not acked. */
  get pendingCount(): number {
    return this.triggers.filter((trigger) => !trigger.settled).length;
  }

  private deliverLater(trigger: StoredTrigger, delayMs: number): void {
    trigger.turn = ++this.turn;
    const { turn } = trigger;
    this.clock.schedule(Math.max(0, delayMs), () => {
      if (!trigger.settled && trigger.turn === turn) this.deliver(trigger);
    });
  }

  private deliver(trigger: StoredTrigger): void {
    const alive = this.processes.filter((process) => process.alive);
    const process = alive[(trigger.sequence + trigger.deliveryCount) % Math.max(1, alive.length)];
    if (process === undefined) {
      this.deliverLater(trigger, 100);
      return;
    }
    trigger.deliveryCount++;
    this.deliverLater(trigger, this.options.leaseMs);
    process.take(trigger, {
      settle: () => {
        trigger.settled = true;
      },
      again: (delayMs) => this.deliverLater(trigger, delayMs),
    });
  }
}

interface Settling {
  settle(): void;
  again(delayMs: number): void;
}

/** One worker process of a {@link SimulatedCluster}; killed, nothing it does has an effect any more. */
export class SimulatedProcess {
  alive = true;
  readonly worker: SagaWorker;
  private nonces = 0;

  constructor(
    private readonly cluster: SimulatedCluster,
    readonly name: string,
  ) {
    const { definition, body, leaseMs, maxTakeovers = 10, logger = silentLogger } = cluster.options;
    const { clock } = cluster;
    this.worker = new SagaWorker(
      {
        definition,
        body: body((point) => this.hop(point)),
        clock,
        observer: noopObserver,
        logger,
        owner: name,
        nonce: () => `${name}.${++this.nonces}`,
        stopping: new AbortController().signal,
        journal: {
          read: (id) => this.around("read", () => cluster.read(id)),
          append: (entry, expected) => this.around("append", () => cluster.append(entry, expected)),
        },
        triggers: {
          publishTimer: (id, dueAtMs) =>
            this.around("timer", () => cluster.publish(id, { kind: "timer", dueAtMs })),
          hasStart: (id) => this.around("start lookup", () => cluster.hasStart(id)),
        },
        ended: () => {},
      },
      { leaseMs, maxTakeovers },
    );
    this.renewLater(leaseMs / 3);
  }

  kill(): void {
    this.alive = false;
  }

  /** A point at which this process may be killed; a killed process never gets past it. */
  hop(point: string): Promise<void> {
    if (this.alive && this.cluster.options.crash?.(this, point) === true) this.kill();
    return this.alive ? Promise.resolve() : new Promise(() => {});
  }

  take(trigger: StoredTrigger, settling: Settling): void {
    const { id, body, sequence, deliveryCount } = trigger;
    const live = (work: () => void) => void this.hop("settle").then(work);
    const delivered: Trigger = {
      id,
      body,
      sequence,
      deliveryCount,
      ack: () => live(() => settling.settle()),
      nak: (delayMs) => live(() => settling.again(delayMs)),
      working: () => live(() => settling.again(this.cluster.options.leaseMs)),
    };
    this.worker.handle(delivered);
  }

  private async around<T>(what: string, work: () => T): Promise<T> {
    await this.hop(`before ${what}`);
    const result = work();
    await this.hop(`after ${what}`);
    return result;
  }

  private renewLater(delayMs: number): void {
    this.cluster.clock.schedule(delayMs, () => {
      if (!this.alive) return;
      this.worker.renew();
      this.renewLater(delayMs);
    });
  }
}
