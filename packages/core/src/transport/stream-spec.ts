/**
 * A stream in Ganglion's terms. What is left out takes the server's default; times are milliseconds.
 *
 * Source: nats-server `server/stream.go` (StreamConfig); wire names differ (`max_age` in nanoseconds, …).
 */
export interface StreamSpec {
  readonly name: string;
  readonly description?: string;
  /** Subjects it stores; may hold wildcards. Empty for mirrors. */
  readonly subjects?: readonly string[];
  /** @default "limits" */
  readonly retention?: "limits" | "interest" | "workqueue";
  /** @default "file" */
  readonly storage?: "file" | "memory";
  /** Copies in a cluster, 1 to 5. @default 1 */
  readonly replicas?: number;
  /** @default unlimited */
  readonly maxMessages?: number;
  /** @default unlimited */
  readonly maxBytes?: number;
  /** @default unlimited */
  readonly maxAgeMs?: number;
  /** @default unlimited */
  readonly maxMessagesPerSubject?: number;
  /** Largest single message, headers included. @default unlimited */
  readonly maxMessageBytes?: number;
  /** What happens when a limit is reached: the oldest go, or appends are refused. @default "old" */
  readonly discard?: "old" | "new";
  /** With `discard: "new"`, refuses also by the limit per subject. @default false */
  readonly discardNewPerSubject?: boolean;
  /** How long message ids are remembered. @default 2 minutes */
  readonly duplicateWindowMs?: number;
  /** Lets every replica answer {@link JetStream.get}. @default true, unlike the server's default */
  readonly allowDirect?: boolean;
  /** Lets a message replace all earlier ones of its subject by header. @default false */
  readonly allowRollup?: boolean;
  readonly denyDelete?: boolean;
  readonly denyPurge?: boolean;
  readonly mirror?: StreamOrigin;
  readonly sources?: readonly StreamOrigin[];
  readonly placement?: { readonly cluster?: string; readonly tags?: readonly string[] };
  /** Needs a server from 2.10 on; left out on older ones. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Further fields in wire form, for what this interface does not name. */
  readonly wire?: Readonly<Record<string, unknown>>;
}

/** A stream another one copies from. */
export interface StreamOrigin {
  readonly name: string;
  readonly filterSubject?: string;
  readonly startSequence?: number;
  readonly startTimeMs?: number;
  /** JetStream domain the origin lives in, such as that of a leaf node. */
  readonly domain?: string;
}

/** What the server says about a stream. */
export interface StreamInfo {
  readonly spec: StreamSpec;
  readonly createdMs: number;
  readonly messages: number;
  readonly bytes: number;
  /** Sequence of the first message that is still there; `lastSequence + 1` or 0 when there is none. */
  readonly firstSequence: number;
  /** Sequence of the last message ever stored, 0 when there was none. */
  readonly lastSequence: number;
  readonly consumerCount: number;
  /** Set when asked for with {@link StreamInfoOptions.subjectsFilter}: messages by subject. */
  readonly subjects?: Readonly<Record<string, number>>;
}

/** Options of {@link StreamAdmin.info}. */
export interface StreamInfoOptions {
  /** Counts the messages of each subject this filter matches. */
  readonly subjectsFilter?: string;
}

/** What {@link StreamAdmin.purge} removes; everything when empty. */
export interface PurgeOptions {
  /** Only messages of subjects this filter matches. */
  readonly subject?: string;
  /** Only messages before this sequence. Not together with `keep`. */
  readonly beforeSequence?: number;
  /** Leaves that many of the newest. */
  readonly keep?: number;
}

/** Creates, changes and removes streams. Every method throws `JETSTREAM_ERROR`, `JETSTREAM_UNAVAILABLE`, `TIMEOUT`. */
export interface StreamAdmin {
  /** Creates the stream, or returns the existing one unchanged, whatever its configuration. */
  ensure(spec: StreamSpec): Promise<StreamInfo>;
  /** Changes an existing stream to `spec`. @throws GanglionError `NO_STREAM` */
  update(spec: StreamSpec): Promise<StreamInfo>;
  /** Undefined when it does not exist. */
  info(name: string, options?: StreamInfoOptions): Promise<StreamInfo | undefined>;
  /** Names of all streams, or of those that store a subject matched by `subject`. */
  names(subject?: string): Promise<readonly string[]>;
  /** @returns how many messages were removed. @throws GanglionError `NO_STREAM` */
  purge(name: string, options?: PurgeOptions): Promise<number>;
  /** @returns false when there was none. */
  delete(name: string): Promise<boolean>;
  /** Removes one message, overwriting its bytes when `erase` is set. @returns false when there was none. */
  deleteMessage(name: string, sequence: number, options?: { readonly erase?: boolean }): Promise<boolean>;
}
