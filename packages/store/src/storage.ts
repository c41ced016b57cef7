import type { ConsumerStore } from "./consumer-store.js";
import type { MessageStore, MessageStoreListener, StoreLimits } from "./message-store.js";

/** JSON the broker keeps with a stream or consumer: its configuration and creation time. The store does not look inside. */
export type StoredMetadata = Readonly<Record<string, unknown>>;

/**
 * When a write counts as durable.
 *
 * - `always`: after fdatasync, many writes sharing one (group commit).
 * - `interval`: after write; a sync follows at least every `intervalMs`.
 * - `none`: after write; the operating system decides.
 */
export type SyncPolicy =
  | { readonly kind: "always" }
  | { readonly kind: "interval"; readonly intervalMs: number }
  | { readonly kind: "none" };

/** How a stream's store is opened. */
export interface StreamStoreOptions {
  readonly limits: StoreLimits;
  readonly listener: MessageStoreListener;
  /** Whether messages that come in are compressed. @default false */
  readonly compression?: boolean;
  /** First sequence of a new stream. @default 1 */
  readonly initialSequence?: number;
}

/** How a stream's store is created. */
export interface NewStreamOptions extends StreamStoreOptions {
  readonly metadata: StoredMetadata;
}

/** A consumer found by recovery. */
export interface StoredConsumer {
  readonly name: string;
  readonly metadata: StoredMetadata;
}

/** The storage of one stream: its messages, its metadata and its consumers. */
export interface StreamStore {
  readonly messages: MessageStore;
  readonly metadata: StoredMetadata;
  /** Resolves when the new metadata is durable. */
  updateMetadata(metadata: StoredMetadata): Promise<void>;
  /** Consumers that exist, for recovery. */
  consumers(): readonly StoredConsumer[];
  /** Creates a consumer's memory, or opens the one that exists, with new metadata. Resolves when it is durable. */
  createConsumer(name: string, metadata: StoredMetadata): Promise<ConsumerStore>;
  /** Opens the memory of a consumer found by recovery. */
  openConsumer(name: string): ConsumerStore;
  updateConsumerMetadata(name: string, metadata: StoredMetadata): Promise<void>;
  deleteConsumer(name: string): Promise<void>;
  /** Flushes and closes; nothing may be appended afterwards. Idempotent. */
  close(): Promise<void>;
}

/** A stream that recovery found. Its messages are read when it is opened. */
export interface StoredStream {
  readonly account: string;
  readonly name: string;
  readonly metadata: StoredMetadata;
}

/** A problem that recovery, or reading later on, met and survived, for the log and for /healthz. */
export interface RecoveryProblem {
  readonly where: string;
  readonly problem: string;
}

/** A place that holds streams: a directory, or memory. One process at a time. */
export interface Storage {
  readonly kind: "file" | "memory";
  /** Streams that exist and are not open yet. */
  streams(): readonly StoredStream[];
  problems(): readonly RecoveryProblem[];
  /** @throws GanglionError `STREAM_EXISTS`. */
  createStream(account: string, name: string, options: NewStreamOptions): Promise<StreamStore>;
  /** Recovers and opens a stream that {@link Storage.streams} named. */
  openStream(account: string, name: string, options: StreamStoreOptions): Promise<StreamStore>;
  /** Removes a stream, open or not, with all its data. Resolves when that is durable. */
  deleteStream(account: string, name: string): Promise<void>;
  /** Closes every stream and releases the lock. Idempotent. */
  close(): Promise<void>;
}
