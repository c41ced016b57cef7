import type { Clock } from "@ganglion/kernel";
import { storeError } from "../errors.js";
import { MessageIndex } from "../indexing/message-index.js";
import { purge, storeState } from "../indexing/queries.js";
import { Retention } from "../indexing/retention.js";
import {
  accountedSizeBytes,
  type MessageStore,
  type MessageStoreListener,
  type NewMessage,
  type PurgeOptions,
  type RemovalReason,
  type StateOptions,
  type StoredMessage,
  type StoreHealth,
  type StoreLimits,
  type StoreState,
  type SubjectState,
} from "../message-store.js";
import type { StreamStoreOptions } from "../storage.js";

/**
 * A stream's log in memory. Durable means taken in: `durable` is announced in the microtask after the
 * append, once for all appends of a turn.
 */
export class MemoryMessageStore implements MessageStore {
  private readonly index: MessageIndex;
  private readonly retention: Retention;
  private readonly listener: MessageStoreListener;
  private readonly messages = new Map<number, StoredMessage>();
  private announcing = false;
  private closed = false;

  constructor(options: StreamStoreOptions, clock: Clock) {
    this.listener = options.listener;
    this.index = new MessageIndex(options.initialSequence ?? 1);
    const discard = (sequence: number, reason: RemovalReason) => void this.discard(sequence, reason);
    this.retention = new Retention(this.index, { limits: options.limits, discard, clock });
  }

  get durableSequence(): number {
    return this.index.durableSequence;
  }

  state(options?: StateOptions): StoreState {
    return storeState(this.index, [], options);
  }

  setCompression(): void {}

  health(): StoreHealth {
    return { failure: undefined, lostMessages: 0, damagedFiles: 0, checkedUs: 0 };
  }

  append(message: NewMessage): number {
    this.assertOpen();
    const sequence = message.sequence ?? this.index.lastSequence + 1;
    if (sequence <= this.index.lastSequence) throw sequenceUsed(sequence, this.index.lastSequence);
    const { subject, timestampUs, headerSizeBytes } = message;
    const data = new Uint8Array(message.data); // a copy, outside of any pool: it may stay for years
    const sizeBytes = accountedSizeBytes(Buffer.byteLength(subject), headerSizeBytes, data.length);
    const hasHeaders = headerSizeBytes > 0;
    this.index.append(sequence, { subject, timestampUs, sizeBytes, hasHeaders, segment: 0, position: 0 });
    this.messages.set(sequence, { sequence, timestampUs, subject, headerSizeBytes, data });
    this.announceLater();
    return sequence;
  }

  appendBatch(messages: readonly NewMessage[]): number {
    this.assertOpen();
    const firstSequence = this.index.lastSequence + 1;
    messages.forEach((message, index) => {
      this.append({ ...message, sequence: firstSequence + index });
    });
    return firstSequence;
  }

  read(sequence: number): StoredMessage | undefined {
    return this.messages.get(sequence);
  }

  next(fromSequence: number, filters?: readonly string[]): StoredMessage | undefined {
    const sequence = this.index.ceil(fromSequence, filters);
    return sequence === undefined ? undefined : this.messages.get(sequence);
  }

  last(filter: string, maxSequence = Number.MAX_SAFE_INTEGER): StoredMessage | undefined {
    const sequence = this.index.floor(maxSequence, filter);
    return sequence === undefined ? undefined : this.messages.get(sequence);
  }

  sequenceAt(timestampUs: number): number {
    return this.index.sequenceAt(timestampUs);
  }

  subjects(filter: string): Iterable<SubjectState> {
    return this.index.subjects(filter);
  }

  count(fromSequence: number, filters?: readonly string[]): number {
    return this.index.countFrom(fromSequence, filters);
  }

  remove(sequence: number): boolean {
    this.assertOpen();
    return this.discard(sequence, "removed");
  }

  purge(options: PurgeOptions = {}): number {
    this.assertOpen();
    return purge(this.index, options, (sequence) => void this.discard(sequence, "purged"));
  }

  setLimits(limits: StoreLimits): void {
    this.assertOpen();
    this.retention.setLimits(limits);
  }

  flush(): Promise<void> {
    this.announce();
    return Promise.resolve();
  }

  /** Announces what is staged, then refuses every change. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.announce();
    this.closed = true;
    this.retention.close();
  }

  private discard(sequence: number, reason: RemovalReason): boolean {
    const removed = this.index.remove(sequence);
    if (removed === undefined) return false;
    this.messages.delete(sequence);
    this.listener.removed(sequence, removed.subject, reason);
    return true;
  }

  private announceLater(): void {
    if (this.announcing) return;
    this.announcing = true;
    queueMicrotask(() => this.announce());
  }

  private announce(): void {
    this.announcing = false;
    const { lastSequence, durableSequence } = this.index;
    if (this.closed || lastSequence === durableSequence) return;
    this.retention.advance(lastSequence);
    this.listener.durable(lastSequence);
  }

  private assertOpen(): void {
    if (this.closed) throw storeError("STORE_CLOSED", "The memory store of this stream is closed");
  }
}

/** The error for a given sequence that is not above the last one. */
export function sequenceUsed(sequence: number, lastSequence: number): Error {
  return storeError(
    "SEQUENCE_USED",
    `Cannot store a message at sequence ${sequence}: the last sequence is ${lastSequence}, give a higher one`,
    { details: { sequence, lastSequence } },
  );
}
