import type { ConsumerAdmin, DeliverFrom } from "./consumer-spec.js";
import type { ConsumedMessage, OutgoingHeaders, Payload, StoredMessage } from "./message.js";
import type { StreamAdmin } from "./stream-spec.js";

/** Options of {@link JetStream.append}. */
export interface AppendOptions {
  readonly headers?: OutgoingHeaders | undefined;
  /** A second append with the same id inside the stream's duplicate window is not stored again. */
  readonly msgId?: string | undefined;
  /** Fails unless the last message of this subject has this sequence; 0: there must be none. */
  readonly expectedLastSubjectSequence?: number | undefined;
  /** Fails unless the last message of the stream has this sequence. */
  readonly expectedLastSequence?: number | undefined;
  readonly expectedStream?: string | undefined;
  /** Milliseconds until it fails with `UNKNOWN_OUTCOME`. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** Where an append ended up. */
export interface AppendAck {
  readonly stream: string;
  /** Sequence of the message; of the earlier one when `duplicate`. */
  readonly sequence: number;
  /** The message id was seen before: nothing was stored. */
  readonly duplicate: boolean;
}

/** Which message {@link JetStream.get} looks for. */
export type GetQuery =
  | { readonly lastOf: string }
  | { readonly sequence: number }
  | { readonly nextOf: string; readonly fromSequence: number };

/** Options of {@link JetStream.get}. */
export interface GetOptions {
  /**
   * `any` lets every replica answer (direct get), which may lag behind by some messages; `leader` asks the leader.
   *
   * @default "any"
   */
  readonly consistency?: "any" | "leader" | undefined;
  /** Milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** Options of {@link JetStream.consume}. */
export interface ConsumeOptions {
  /** Messages handed over and not settled at any time. */
  readonly maxInFlight: number;
  /**
   * How far that may be reduced while messages are settled slowly, so that they wait where somebody has time for them.
   *
   * @default `maxInFlight`
   */
  readonly minInFlight?: number;
  /** Called once for each delivery, in order. Must not throw; settle the message through its methods. */
  readonly onMessage: (message: ConsumedMessage) => void;
  /** Called when consuming is disturbed, and with `undefined` when it goes on. */
  readonly onHealth?: (problem: Error | undefined) => void;
  /** Creates the consumer anew when it was lost. Without it, losing the consumer ends the consumption. */
  readonly rebuild?: () => Promise<unknown>;
  /** Milliseconds between the server's signs of life while there is nothing to deliver. @default 5000 */
  readonly heartbeatMs?: number;
  /**
   * `stop` lets requests run out instead of taking them back: a message the server is just sending would be on its
   * way to nobody otherwise, and come again after its ack wait, behind later ones. It takes a second.
   *
   * @default false
   */
  readonly orderlyStop?: boolean;
}

/** Consuming goes on until it is stopped. */
export interface Consumption {
  /** Messages handed over and not settled yet. */
  readonly inFlight: number;
  /**
   * Ends pulling and gives back what was fetched but not handed over. Messages in flight can still be settled.
   * Idempotent.
   */
  stop(): Promise<void>;
  /** Resolves when it was stopped; rejects with `CONSUMER_LOST` when it ended by itself. */
  readonly closed: Promise<void>;
}

/** Options of {@link JetStream.readOrdered}. */
export interface OrderedReadOptions {
  /** @default "all" */
  readonly from?: DeliverFrom;
  /** Only these subjects. @default all */
  readonly filterSubjects?: readonly string[];
  /**
   * Goes on when messages behind the position were removed before they could be read, as in streams that keep the
   * last message of a subject only. Otherwise that is `READ_GAP`.
   *
   * @default false
   */
  readonly allowGap?: boolean;
  /** Leaves the payload out. @default false */
  readonly headersOnly?: boolean;
  /** @default "instant" */
  readonly replay?: "instant" | "original";
  /** Largest batch. @default 512 */
  readonly maxBatch?: number;
  /**
   * Called with messages in stream order, never empty, and not again before it has settled: that is the
   * back-pressure. Throwing ends the read with that error.
   */
  readonly onBatch: (messages: readonly StoredMessage[]) => void | Promise<void>;
  /** Called once, when everything that was in the stream at that time has been handed over. */
  readonly onCaughtUp?: () => void | Promise<void>;
  /** Called when reading is disturbed, and with `undefined` when it goes on. */
  readonly onHealth?: (problem: Error | undefined) => void;
}

/** A read that goes on, over reconnects and lost consumers, without gaps and without repeats, until it is stopped. */
export interface OrderedRead {
  /** Sequence of the last message handed over; 0 before the first. */
  readonly position: number;
  /** Messages known to wait behind `position`. */
  readonly pending: number;
  readonly caughtUp: boolean;
  /** Resolves after the running batch. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when it was stopped; rejects with the error of `onBatch`, `NO_STREAM` or `READ_GAP`. */
  readonly closed: Promise<void>;
}

/** Limits and use of the account. */
export interface AccountInfo {
  readonly domain: string | undefined;
  readonly memoryBytes: number;
  readonly storageBytes: number;
  readonly streams: number;
  readonly consumers: number;
}

/** Streams and consumers of a NATS server. */
export interface JetStream {
  readonly streams: StreamAdmin;
  readonly consumers: ConsumerAdmin;
  /**
   * Stores a message and waits for the acknowledgement. Many may be in flight; they are stored in the order of the
   * calls.
   *
   * @throws GanglionError `WRONG_LAST_SEQUENCE`, `NO_STREAM`, `STREAM_MISMATCH`, `PAYLOAD_TOO_LARGE`,
   *   `JETSTREAM_ERROR`; `UNKNOWN_OUTCOME` and `CONNECTION_CLOSED` leave open whether it was stored.
   */
  append(subject: string, data: Payload, options?: AppendOptions): Promise<AppendAck>;
  /**
   * Reads one message. Many may be in flight.
   *
   * @returns undefined when there is none.
   * @throws GanglionError `NO_STREAM`, `TIMEOUT`
   */
  get(stream: string, query: GetQuery, options?: GetOptions): Promise<StoredMessage | undefined>;
  /** Delivers a durable consumer's messages, watched by heartbeats. @throws GanglionError `NO_CONSUMER`, `NO_STREAM` */
  consume(stream: string, consumer: string, options: ConsumeOptions): Promise<Consumption>;
  /** Reads a stream from a position on, for projections and scans. @throws GanglionError `NO_STREAM` */
  readOrdered(stream: string, options: OrderedReadOptions): Promise<OrderedRead>;
  /** @throws GanglionError `JETSTREAM_UNAVAILABLE` */
  account(): Promise<AccountInfo>;
}
