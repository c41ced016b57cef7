/**
 * Where a consumer starts: at the first message, after the last one, at the last one, at the last one of each
 * subject, at a sequence, or at a time.
 */
export type DeliverFrom =
  | "all"
  | "new"
  | "last"
  | "last-per-subject"
  | { readonly sequence: number }
  | { readonly timeMs: number };

/**
 * A pull consumer in Ganglion's terms. What is left out takes the server's default; times are milliseconds.
 *
 * Source: nats-server `server/consumer.go` (ConsumerConfig).
 */
export interface ConsumerSpec {
  /** Names a consumer that outlives its clients, unless `ephemeral` is set. */
  readonly name: string;
  /** Removed by the server once nobody has pulled for `inactiveThresholdMs`. @default false */
  readonly ephemeral?: boolean;
  readonly description?: string;
  /** @default every message of the stream. More than one needs a server from 2.10 on. */
  readonly filterSubjects?: readonly string[];
  /** @default "all" */
  readonly from?: DeliverFrom;
  /** @default "explicit" */
  readonly ack?: "explicit" | "all" | "none";
  /** Time until an unsettled message is delivered again. @default 30 s */
  readonly ackWaitMs?: number;
  /** Deliveries of one message before the server gives it up. @default unlimited */
  readonly maxDeliver?: number;
  /** Waits before the second, third, … delivery; replaces `ackWaitMs`. */
  readonly backoffMs?: readonly number[];
  /** Messages delivered and not settled at any time, over all clients. @default 1000 */
  readonly maxAckPending?: number;
  /** `original` delivers with the gaps in time the messages were stored with. @default "instant" */
  readonly replay?: "instant" | "original";
  readonly inactiveThresholdMs?: number;
  /** Leaves the payload out. @default false */
  readonly headersOnly?: boolean;
  readonly replicas?: number;
  readonly memoryStorage?: boolean;
  /** Needs a server from 2.10 on; left out on older ones. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Further fields in wire form, for what this interface does not name. */
  readonly wire?: Readonly<Record<string, unknown>>;
}

/** What the server says about a consumer. */
export interface ConsumerInfo {
  readonly stream: string;
  readonly spec: ConsumerSpec;
  /** Messages waiting in the stream that were never delivered. */
  readonly pending: number;
  /** Messages delivered and not settled. */
  readonly ackPending: number;
  /** Messages that are being delivered again. */
  readonly redelivered: number;
  /** Pull requests that wait at the server. */
  readonly waiting: number;
  /** Stream sequence of the last delivery. */
  readonly deliveredSequence: number;
  /** Stream sequence up to which everything is settled. */
  readonly ackFloorSequence: number;
}

/** Creates and removes consumers. Every method throws `JETSTREAM_ERROR`, `JETSTREAM_UNAVAILABLE`, `TIMEOUT`. */
export interface ConsumerAdmin {
  /** Creates the consumer, or returns the existing one unchanged. @throws GanglionError `NO_STREAM` */
  ensure(stream: string, spec: ConsumerSpec): Promise<ConsumerInfo>;
  /** Creates the consumer or changes it to `spec`. @throws GanglionError `NO_STREAM` */
  update(stream: string, spec: ConsumerSpec): Promise<ConsumerInfo>;
  /** Undefined when it does not exist. @throws GanglionError `NO_STREAM` */
  info(stream: string, name: string): Promise<ConsumerInfo | undefined>;
  /** All consumers of a stream. @throws GanglionError `NO_STREAM` */
  list(stream: string): Promise<readonly ConsumerInfo[]>;
  /** @returns false when there was none. */
  delete(stream: string, name: string): Promise<boolean>;
}
