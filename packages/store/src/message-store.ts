/**
 * One message of a stream as a store gives it out.
 *
 * `data` is the header block (when `headerSizeBytes` > 0) directly followed by the payload, so that it can
 * go to a socket in one piece. It is owned by the reader: the store never changes it afterwards.
 */
export interface StoredMessage {
  /** Position in the stream, 1-based. */
  readonly sequence: number;
  /** When it was stored: microseconds since 1970-01-01 UTC. */
  readonly timestampUs: number;
  readonly subject: string;
  /** Size of the header block at the front of `data`; 0 when the message has no headers. */
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/** What {@link MessageStore.append} takes. The store copies `data` before it returns. */
export interface NewMessage {
  /** Sequence to store it at, above `lastSequence`; what lies between stays empty. For mirrors and restores. @default lastSequence + 1 */
  readonly sequence?: number;
  readonly subject: string;
  readonly timestampUs: number;
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/**
 * Limits a store keeps by itself, oldest messages first. 0 or less means unlimited.
 *
 * A limit acts when the message that exceeds it becomes durable, just before `durable` is called: until
 * then that message may still be lost, and the one it displaces must not be lost with it.
 */
export interface StoreLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeUs: number;
  readonly maxMessagesPerSubject: number;
}

/** A range of sequences that is lost, because its bytes failed their checks. */
export interface LostRange {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** File and byte range that was quarantined, for the operator; of a longer range, where it begins. */
  readonly where: string;
}

/** A snapshot of what a store holds. */
export interface StoreState {
  readonly messages: number;
  /** Sum of the accounted size of all messages; see {@link accountedSizeBytes}. */
  readonly bytes: number;
  /** Sequence of the oldest message, or `lastSequence + 1` when there is none. */
  readonly firstSequence: number;
  readonly firstTimestampUs: number;
  /** Highest sequence ever given out; it never goes back. */
  readonly lastSequence: number;
  readonly lastTimestampUs: number;
  /** How many sequences between first and last hold no message. */
  readonly deletedCount: number;
  /** The lowest of those sequences, as many as {@link StateOptions.maxDeleted} asked for. */
  readonly deleted: readonly number[];
  readonly subjectCount: number;
  readonly lost: readonly LostRange[];
}

/** How the storage of one stream is. */
export interface StoreHealth {
  /** Why nothing can be written at present; undefined when writing works. */
  readonly failure: string | undefined;
  /** How many messages were lost to damage. */
  readonly lostMessages: number;
  /** Files with damage that were not rewritten yet. */
  readonly damagedFiles: number;
  /** When all sealed files had been read and verified the last time, microseconds since 1970; 0: not yet. */
  readonly checkedUs: number;
}

/** How much {@link MessageStore.state} tells. */
export interface StateOptions {
  /** How many sequences without a message to name. @default 0 */
  readonly maxDeleted?: number;
}

/** What a store knows of one subject. */
export interface SubjectState {
  readonly subject: string;
  readonly count: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** Why a message left a store. `lost`: its bytes failed their check when it was read. */
export type RemovalReason = "limit" | "age" | "removed" | "purged" | "lost";

/** Calls from a store to its stream. All are synchronous, must not throw, and may call the store. */
export interface MessageStoreListener {
  /**
   * Every message up to `sequence`, and every removal before it, satisfies the sync policy. Never called
   * from within {@link MessageStore.append}.
   */
  durable(sequence: number): void;
  /**
   * Writing or syncing failed. Messages after the last `durable` call may be lost: the store has taken
   * them back (they can no longer be read; their sequences are not used again) and refuses appends with
   * `STORE_UNAVAILABLE` until writing works again.
   */
  failed(error: unknown, fromSequence: number): void;
  /** A message left the store, by a limit, age, removal or purge. */
  removed(sequence: number, subject: string, reason: RemovalReason): void;
}

/** Which messages a purge takes. All conditions hold together; none given: every message. */
export interface PurgeOptions {
  /** Subject filter, wildcards allowed. */
  readonly filter?: string;
  /** Take messages with a lower sequence only. */
  readonly beforeSequence?: number;
  /** Keep this many of the newest that match. */
  readonly keep?: number;
}

/**
 * The log of one stream: THE contract between the broker and its storage engines.
 *
 * Everything except `flush`, `close` and `destroy` is synchronous. Sequences start after
 * `initialSequence - 1`, grow by one and are never reused. An appended message can be read at once by its
 * writer (compare-and-set, per-subject limits), but is promised to nobody until
 * {@link MessageStoreListener.durable} has named its sequence: the broker neither acknowledges it nor
 * delivers it to a consumer before.
 */
export interface MessageStore {
  /** Highest sequence that satisfies the sync policy. */
  readonly durableSequence: number;
  state(options?: StateOptions): StoreState;
  health(): StoreHealth;

  /**
   * Takes a message in and returns its sequence.
   *
   * @throws GanglionError `STORE_UNAVAILABLE` after a write error, `STORE_CLOSED` after close,
   * `SEQUENCE_USED` for a given sequence that is not above the last one.
   */
  append(message: NewMessage): number;

  /**
   * Takes several messages in as one: after a crash or a failed write all of them are there, or none is.
   * Their sequences follow each other; those the messages name are passed over.
   *
   * @param messages - at least one.
   * @returns the sequence of the first.
   * @throws as {@link append}; then none was taken in.
   */
  appendBatch(messages: readonly NewMessage[]): number;

  /**
   * The message at `sequence`, or undefined.
   *
   * @throws GanglionError `RECORD_CORRUPT` for a lost message: its bytes fail their check, now or in recovery.
   */
  read(sequence: number): StoredMessage | undefined;

  /** The first message at or after `fromSequence` whose subject matches one of `filters` (none: all). Passes over lost ones. */
  next(fromSequence: number, filters?: readonly string[]): StoredMessage | undefined;

  /**
   * The newest message whose subject matches `filter`, at or before `maxSequence`.
   *
   * @throws GanglionError `RECORD_CORRUPT` when the bytes of that message fail their check.
   */
  last(filter: string, maxSequence?: number): StoredMessage | undefined;

  /**
   * The lowest sequence whose message was stored at or after `timestampUs`; `lastSequence + 1` if none.
   * Exact as long as the timestamps given to `append` do not go back.
   */
  sequenceAt(timestampUs: number): number;

  /** State of every subject that matches `filter`, in no particular order. */
  subjects(filter: string): Iterable<SubjectState>;

  /** How many messages at or after `fromSequence` match one of `filters` (none: all). Must not scan the log for plain cases. */
  count(fromSequence: number, filters?: readonly string[]): number;

  /** Removes one message. `erase` also overwrites its bytes. @returns false when there was none. */
  remove(sequence: number, options?: { readonly erase?: boolean }): boolean;

  /**
   * Removes many messages. With `beforeSequence` alone and above `lastSequence`, the stream goes on from there.
   *
   * @returns how many were removed.
   */
  purge(options?: PurgeOptions): number;

  /** Whether messages that come from now on are compressed. An engine in memory leaves them as they are. */
  setCompression(enabled: boolean): void;

  /** Applies new limits at once. */
  setLimits(limits: StoreLimits): void;

  /** Resolves when everything taken in so far is durable. Rejects with `STORE_UNAVAILABLE` if that fails. */
  flush(): Promise<void>;
}

/** Bytes a record costs in the file layout beside subject, headers and payload, as nats-server counts them. */
const ACCOUNTED_OVERHEAD_BYTES = 22;

/**
 * Size of a message as stream limits and `state.bytes` count it.
 *
 * Source: nats-server filestore.go `fileStoreMsgSizeRaw` (headers add a 4-byte length).
 */
export function accountedSizeBytes(
  subjectSizeBytes: number,
  headerSizeBytes: number,
  dataSizeBytes: number,
): number {
  return ACCOUNTED_OVERHEAD_BYTES + subjectSizeBytes + dataSizeBytes + (headerSizeBytes > 0 ? 4 : 0);
}
