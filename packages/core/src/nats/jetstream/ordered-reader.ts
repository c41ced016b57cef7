import { randomBytes } from "node:crypto";
import { type Deferred, deferred, isGanglionError, type Timer } from "@ganglion/kernel";
import { type MessageFrame, subjectMatches } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type { ConsumerAdmin, ConsumerSpec, DeliverFrom } from "../../transport/consumer-spec.js";
import type { OrderedRead, OrderedReadOptions } from "../../transport/jetstream.js";
import type { StoredMessage } from "../../transport/message.js";
import { isAtLeast } from "../../transport/server-version.js";
import type { StreamAdmin } from "../../transport/stream-spec.js";
import { WireMessage } from "../wire-message.js";
import { AckNumbers } from "./delivered-message.js";
import { pauseMs } from "./pause.js";
import { PullInbox, type PullSurroundings } from "./pull-inbox.js";

const DEFAULT_MAX_BATCH = 512;
/** How long the server keeps a pull request open. */
const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5_000;
/** How long the server keeps a consumer nobody pulls from, such as one of a process that was killed. */
const INACTIVE_THRESHOLD_MS = 5 * 60_000;
const RECOVERY_MIN_MS = 100;
const RECOVERY_MAX_MS = 5_000;
/** Silence after which the server is asked whether really more is to come. */
const FIRST_DOUBT_MS = 50;
const LONGEST_DOUBT_MS = 2_000;

/** A message of an ordered read. */
class OrderedMessage extends WireMessage implements StoredMessage {
  readonly numbers: AckNumbers;

  constructor(frame: MessageFrame) {
    super(frame);
    this.numbers = new AckNumbers(this.bytes, this.replyStart, this.replyEnd);
  }
  get sequence(): number {
    return this.numbers.streamSequence;
  }
  get timestampMs(): number {
    return this.numbers.timestampNs / 1e6;
  }
}

/** What an {@link OrderedReader} is made with. */
export interface OrderedRequest {
  readonly surroundings: PullSurroundings;
  readonly streams: StreamAdmin;
  readonly consumers: ConsumerAdmin;
  readonly stream: string;
  readonly options: OrderedReadOptions;
}

/**
 * Reads a stream through a throw-away consumer without acknowledgements. The consumer numbers its deliveries: a
 * number that is missing, or a consumer that is lost, and the reader starts a new one behind its position.
 *
 * Source: ADR-17 (Ordered Consumer), ADR-37.
 */
export class OrderedReader implements OrderedRead {
  position = 0;
  caughtUp = false;
  readonly closed: Promise<void>;
  private readonly end: Deferred<void> = deferred();
  private readonly stopping = new AbortController();
  private readonly maxBatch: number;
  private readonly filters: readonly string[];
  /** Servers before 2.10 take one filter only: with more, the reader picks. */
  private readonly picks: boolean;
  private readonly unsubscribeStatus: () => void;
  private queue: OrderedMessage[] = [];
  private inbox: PullInbox | undefined;
  private consumerName = "";
  private expectedDelivery = 1;
  private received = 0;
  private lastPending = 0;
  private restarting = false;
  private delivering: Promise<void> | undefined;
  private doubt: Timer | undefined;

  private constructor(private readonly request: OrderedRequest) {
    const { options, surroundings } = request;
    this.maxBatch = options.maxBatch ?? DEFAULT_MAX_BATCH;
    this.filters = options.filterSubjects ?? [];
    this.picks = this.filters.length > 1 && !isAtLeast(surroundings.api.transport.server.version, [2, 10, 0]);
    this.closed = this.end.promise;
    this.closed.catch(() => {}); // whoever looks at it is told
    this.unsubscribeStatus = surroundings.connection.onStatus(({ type }) => {
      if (type === "reconnected") void this.restart(undefined);
      else if (type === "closed") this.fail(coreError("CONNECTION_CLOSED", "The connection was closed"));
    });
  }

  /** @throws GanglionError `NO_STREAM`, `READ_GAP` */
  static async start(request: OrderedRequest): Promise<OrderedReader> {
    const reader = new OrderedReader(request);
    try {
      await reader.open();
      return reader;
    } catch (error) {
      reader.fail(error);
      throw error;
    }
  }

  get pending(): number {
    return this.lastPending + this.queue.length;
  }

  async stop(): Promise<void> {
    if (!this.stopping.signal.aborted) {
      this.finish();
      await this.delivering;
      this.end.resolve();
      await this.dropConsumer();
    }
    await this.closed.catch(() => {});
  }

  private async open(): Promise<void> {
    const { consumers, stream, surroundings } = this.request;
    const from = await this.startingPoint();
    this.consumerName = `ordered-${randomBytes(8).toString("hex")}`;
    const info = await consumers.ensure(stream, this.consumerSpec(from));
    this.expectedDelivery = 1;
    this.inbox = new PullInbox(
      surroundings,
      { stream, consumer: this.consumerName, heartbeatMs: HEARTBEAT_MS, expiresMs: EXPIRES_MS },
      {
        message: (frame) => this.receive(frame),
        idle: () => this.pull(),
        lost: (error) => void this.restart(error),
      },
    );
    this.lastPending = info.pending;
    if (info.pending === 0) this.deliverSoon();
    else if (!this.caughtUp) this.doubtPending(FIRST_DOUBT_MS);
    this.pull();
  }

  private async startingPoint(): Promise<DeliverFrom> {
    const { streams, stream, options } = this.request;
    const from = this.received === 0 ? (options.from ?? "all") : { sequence: this.position + 1 };
    if (typeof from === "object" && "sequence" in from && options.allowGap !== true) {
      const info = await streams.info(stream);
      if (info === undefined)
        throw coreError("NO_STREAM", `Stream ${stream} does not exist`, { details: { stream } });
      if (info.firstSequence > from.sequence) {
        throw coreError(
          "READ_GAP",
          `Stream ${stream} begins at ${info.firstSequence}: what was at ${from.sequence} has been removed`,
          { details: { stream, sequence: from.sequence, firstSequence: info.firstSequence } },
        );
      }
    }
    return from;
  }

  private consumerSpec(from: DeliverFrom): ConsumerSpec {
    const { options } = this.request;
    // The server wants a filter together with last-per-subject.
    const implied = from === "last-per-subject" ? [">"] : undefined;
    const filterSubjects = this.filters.length === 0 || this.picks ? implied : this.filters;
    return {
      name: this.consumerName,
      ephemeral: true,
      from,
      ack: "none",
      memoryStorage: true,
      replicas: 1,
      inactiveThresholdMs: INACTIVE_THRESHOLD_MS,
      replay: options.replay ?? "instant",
      headersOnly: options.headersOnly ?? false,
      ...(filterSubjects !== undefined && { filterSubjects }),
    };
  }

  private receive(frame: MessageFrame): void {
    const message = new OrderedMessage(frame);
    if (message.numbers.consumerSequence !== this.expectedDelivery) {
      void this.restart(coreError("CONSUMER_LOST", "A delivery is missing", { retryable: true }));
      return;
    }
    this.expectedDelivery++;
    this.lastPending = message.numbers.pending;
    this.queue.push(message);
    this.deliverSoon();
  }

  private deliverSoon(): void {
    this.delivering ??= this.deliver();
  }

  /** Hands over what is queued, batch after batch. A microtask later, so that what one chunk brought comes together. */
  private async deliver(): Promise<void> {
    await Promise.resolve();
    try {
      do {
        const batch = this.queue.splice(0, this.maxBatch);
        const last = batch.at(-1);
        const picked = this.picks ? batch.filter((message) => this.isPicked(message.subject)) : batch;
        if (picked.length > 0) await this.request.options.onBatch(picked);
        if (last !== undefined) {
          this.position = last.sequence;
          this.received++;
          this.pull();
        }
        if (!this.caughtUp && this.queue.length === 0 && this.lastPending === 0) {
          this.caughtUp = true;
          await this.request.options.onCaughtUp?.();
        }
      } while (this.queue.length > 0 && !this.stopping.signal.aborted);
      if (!this.caughtUp) this.doubtPending(FIRST_DOUBT_MS);
    } catch (error) {
      this.fail(error);
    }
    this.delivering = undefined;
  }

  /**
   * The number of pending messages in a delivery may be too high for good when messages are replaced while they are
   * read (seen with nats-server 2.9.10): nothing would ever say that the reader has caught up. In silence, the
   * consumer's info knows better.
   */
  private doubtPending(waitMs: number): void {
    this.doubt?.cancel();
    this.doubt = this.request.surroundings.api.transport.clock.schedule(
      waitMs,
      () => void this.askPending(waitMs),
    );
  }

  private async askPending(waitMs: number): Promise<void> {
    const { consumerName, expectedDelivery } = this;
    if (this.stopping.signal.aborted) return;
    const info = await this.request.consumers.info(this.request.stream, consumerName).catch(() => undefined);
    const isSilent = consumerName === this.consumerName && expectedDelivery === this.expectedDelivery;
    if (this.caughtUp || this.stopping.signal.aborted || !isSilent) return;
    if (info?.pending === 0 && info.deliveredSequence <= this.position) {
      this.lastPending = 0;
      this.deliverSoon();
    } else {
      this.doubtPending(Math.min(LONGEST_DOUBT_MS, waitMs * 2));
    }
  }

  private isPicked(subject: string): boolean {
    return this.filters.some((filter) => subjectMatches(filter, subject));
  }

  private pull(): void {
    const { inbox } = this;
    if (inbox === undefined || this.restarting || this.stopping.signal.aborted || !inbox.ready) return;
    const ahead = this.maxBatch * 4;
    const room = ahead - this.queue.length - inbox.outstanding;
    if (room * 2 >= ahead) inbox.pull(room);
  }

  /** Goes on with a new consumer behind what was received. */
  private async restart(problem: Error | undefined): Promise<void> {
    if (this.restarting || this.stopping.signal.aborted) return;
    this.restarting = true;
    this.inbox?.close();
    if (problem !== undefined) this.request.options.onHealth?.(problem);
    await this.delivering; // the position is known when the running batch is through
    this.queue = [];
    let waitMs = RECOVERY_MIN_MS;
    while (!this.stopping.signal.aborted) {
      try {
        await this.dropConsumer();
        await this.open();
        break;
      } catch (error) {
        if (isGanglionError(error, "READ_GAP") || isGanglionError(error, "NO_STREAM")) this.fail(error);
        else this.request.options.onHealth?.(error as Error); // the API throws errors only
      }
      await pauseMs(this.request.surroundings.api.transport.clock, waitMs, this.stopping.signal);
      waitMs = Math.min(RECOVERY_MAX_MS, waitMs * 2);
    }
    this.restarting = false;
    if (this.stopping.signal.aborted) return;
    this.request.options.onHealth?.(undefined);
    this.pull();
  }

  /** The server would remove it anyway, only later. */
  private async dropConsumer(): Promise<void> {
    const { consumers, stream, surroundings } = this.request;
    if (this.consumerName === "" || !surroundings.connection.connected) return;
    await consumers.delete(stream, this.consumerName).catch(() => {});
  }

  private finish(): void {
    this.stopping.abort();
    this.doubt?.cancel();
    this.unsubscribeStatus();
    this.inbox?.close();
    this.queue = [];
  }

  private fail(error: unknown): void {
    if (this.stopping.signal.aborted) return;
    this.finish();
    this.end.reject(error);
    void this.dropConsumer();
  }
}
