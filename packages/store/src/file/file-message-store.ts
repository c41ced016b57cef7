import { type Clock, isGanglionError, type Logger } from "@ganglion/kernel";
import { storeError } from "../errors.js";
import type { IndexedMessage, MessageIndex } from "../indexing/message-index.js";
import { purge, storeState } from "../indexing/queries.js";
import { Retention } from "../indexing/retention.js";
import { sequenceUsed } from "../memory/memory-message-store.js";
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
import type { RecoveryProblem } from "../storage.js";
import { checkSegment } from "./check-segment.js";
import type { Compaction } from "./compaction.js";
import { compress, decompress } from "./compressed-data.js";
import type { GroupCommit } from "./group-commit.js";
import type { LostLedger } from "./lost-ledger.js";
import { MessageJournal } from "./message-journal.js";
import { RecordKind } from "./record-codec.js";
import { RECORD_SURPLUS_BYTES, type Segment } from "./segment.js";
import type { LoggedMessage, SegmentLog } from "./segment-log.js";

/**
 * A group of this size is not held back until the end of the turn. Were all publishers in one group, they would
 * wait for the disk together, and then the disk for them.
 */
const EARLY_COMMIT_BYTES = 64 * 1024;

/** What a {@link FileMessageStore} is made of; recovery fills log and index. */
export interface FileMessageStoreOptions {
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly lost: LostLedger;
  readonly limits: StoreLimits;
  readonly listener: MessageStoreListener;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether messages are compressed from now on. */
  readonly compression: boolean;
  /** Bytes that may wait for the disk. */
  readonly maxStagedBytes: number;
  /** Takes note of damage. */
  report(problem: RecoveryProblem): void;
}

/** A stream's log in files. Everything is answered from the index; bytes come from the cache or a file. */
export class FileMessageStore implements MessageStore {
  readonly journal: MessageJournal;
  private readonly index: MessageIndex;
  private readonly log: SegmentLog;
  private readonly retention: Retention;
  private readonly listener: MessageStoreListener;
  private commit: GroupCommit | undefined;
  private compaction: Compaction | undefined;
  /** False until the stream is open: what recovery removes is told to nobody. */
  private telling = false;
  private closed = false;
  /** When the last check of all segments ended; 0 for never. */
  private checkedUs = 0;
  private compression: boolean;

  constructor(private readonly options: FileMessageStoreOptions) {
    const { index, log, limits, clock, listener, logger } = options;
    this.index = index;
    this.log = log;
    this.listener = listener;
    this.compression = options.compression;
    const discard = (sequence: number, reason: RemovalReason) => void this.discard(sequence, reason);
    this.retention = new Retention(index, { limits, discard, clock });
    this.journal = new MessageJournal({ log, index, retention: this.retention, listener, logger });
  }

  /** Applies the limits to what recovery found, and begins to work. */
  start(commit: GroupCommit, compaction: Compaction): void {
    this.commit = commit;
    this.compaction = compaction;
    this.retention.setLimits(this.options.limits);
    this.telling = true;
    this.journal.hurry();
    compaction.consider();
  }

  get durableSequence(): number {
    return this.index.durableSequence;
  }

  state(options?: StateOptions): StoreState {
    return storeState(this.index, this.options.lost.list(), options);
  }

  append(message: NewMessage): number {
    this.assertTaking();
    const { lastSequence } = this.index;
    const sequence = message.sequence ?? lastSequence + 1;
    if (sequence <= lastSequence) throw sequenceUsed(sequence, lastSequence);
    this.take(message, sequence);
    this.requestCommit();
    return sequence;
  }

  appendBatch(messages: readonly NewMessage[]): number {
    this.assertTaking();
    const firstSequence = this.index.lastSequence + 1;
    this.journal.prepareBatch(messages, firstSequence);
    messages.forEach((message, position) => {
      const batchGoesOn = position < messages.length - 1;
      this.take({ ...message, batchGoesOn }, firstSequence + position);
    });
    this.requestCommit();
    return firstSequence;
  }

  private take(message: LoggedMessage, sequence: number): void {
    const { index, log } = this;
    const { subject, timestampUs, headerSizeBytes, data } = message;
    const subjectSizeBytes = Buffer.byteLength(subject);
    const sizeBytes = accountedSizeBytes(subjectSizeBytes, headerSizeBytes, data.length);
    const compressed = this.compression ? compress(data) : undefined;
    const logged = compressed === undefined ? message : { ...message, data: compressed, deflated: true };
    const { segment, position } = this.journal.stage(logged, sequence, subjectSizeBytes);
    const hasHeaders = headerSizeBytes > 0;
    index.append(sequence, { subject, timestampUs, sizeBytes, hasHeaders, segment, position });
    log.segments.get(segment)?.retain(sizeBytes);
  }

  private requestCommit(): void {
    this.commit?.request();
    if (this.log.stagedBytes >= EARLY_COMMIT_BYTES) this.commit?.hurry();
  }

  read(sequence: number): StoredMessage | undefined {
    const message = this.index.get(sequence);
    if (message !== undefined) return this.fetch(message);
    const range = this.options.lost.find(sequence);
    if (range !== undefined) throw corrupt(sequence, range.where);
    return undefined;
  }

  next(fromSequence: number, filters?: readonly string[]): StoredMessage | undefined {
    for (let from = fromSequence; ; ) {
      const sequence = this.index.ceil(from, filters);
      const message = sequence === undefined ? undefined : this.index.get(sequence);
      if (message === undefined) return undefined;
      try {
        return this.fetch(message);
      } catch (error) {
        if (!isGanglionError(error, "RECORD_CORRUPT")) throw error;
        from = message.sequence + 1;
      }
    }
  }

  last(filter: string, maxSequence = Number.MAX_SAFE_INTEGER): StoredMessage | undefined {
    const sequence = this.index.floor(maxSequence, filter);
    const message = sequence === undefined ? undefined : this.index.get(sequence);
    return message && this.fetch(message);
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

  remove(sequence: number, options: { readonly erase?: boolean } = {}): boolean {
    this.assertOpen();
    const removed = this.discard(sequence, "removed");
    if (removed === undefined) return false;
    if (options.erase === true) this.journal.erase(removed, removed.sizeBytes + RECORD_SURPLUS_BYTES);
    this.commitRemovals();
    return true;
  }

  purge(options: PurgeOptions = {}): number {
    this.assertOpen();
    const count = purge(this.index, options, (sequence) => void this.discard(sequence, "purged"));
    this.commitRemovals();
    return count;
  }

  setLimits(limits: StoreLimits): void {
    this.assertOpen();
    this.retention.setLimits(limits);
    this.commitRemovals();
  }

  async flush(): Promise<void> {
    this.journal.hurry();
    await this.commit?.flush();
  }

  setCompression(enabled: boolean): void {
    this.compression = enabled;
  }

  health(): StoreHealth {
    let lostMessages = 0;
    for (const { firstSequence, lastSequence } of this.options.lost.list())
      lostMessages += lastSequence - firstSequence + 1;
    let damagedFiles = 0;
    for (const { damaged } of this.log.segments.values()) if (damaged) damagedFiles++;
    const { failure } = this.commit ?? {};
    return { failure, lostMessages, damagedFiles, checkedUs: this.checkedUs };
  }

  /** Reads and verifies everything that is durable, piece by piece. @returns the size of each piece, in bytes. */
  *check(): Generator<number> {
    for (const segment of [...this.log.segments.values()]) {
      const isCurrent = () => this.log.segments.get(segment.number) === segment && !segment.damaged;
      if (!segment.created || !isCurrent()) continue;
      const intact = yield* checkSegment(segment, this.log.options.codec, isCurrent);
      if (!intact && isCurrent()) this.takeDamage(segment);
    }
    this.checkedUs = this.options.clock.nowUs();
  }

  /** Some bytes of a segment are damaged: finds out which messages that costs, and lets it be rewritten. */
  private takeDamage(segment: Segment): void {
    segment.damaged = true;
    this.log.onStale(segment);
    this.options.report({ where: segment.path, problem: "a check has found damaged bytes" });
    this.verifyMessages(segment);
    this.compaction?.consider();
  }

  /** Reads every message of a segment from the disk; those that are damaged leave the index. */
  verifyMessages(segment: Segment): void {
    if (segment.sealed) segment.forget();
    const sequences: number[] = [];
    this.index.visitSegment(segment.number, segment.baseSequence, (block, slot) => {
      sequences.push(block.sequenceOf(slot));
    });
    for (const sequence of sequences) {
      const message = this.index.get(sequence);
      try {
        if (message !== undefined) this.fetch(message);
      } catch {
        // It is reported, and out of the index.
      }
    }
  }

  /** Refuses every change from now on. */
  stop(): void {
    this.closed = true;
    this.retention.close();
  }

  /** Reads and verifies a message. @throws GanglionError `RECORD_CORRUPT`, after which it is out of the index. */
  private fetch(message: IndexedMessage): StoredMessage {
    const { sequence, subject, timestampUs } = message;
    const segment = this.log.segments.get(message.segment);
    let cause: unknown;
    try {
      const bytes = segment?.bytesAt(message.position, message.sizeBytes + RECORD_SURPLUS_BYTES);
      const record = bytes && this.log.options.codec.decode(bytes, 0);
      if (bytes !== undefined && record?.kind === RecordKind.message && record.sequence === sequence) {
        const stored = bytes.subarray(record.dataStart, record.end);
        const data = record.deflated ? decompress(stored) : Buffer.from(stored);
        return { sequence, timestampUs, subject, headerSizeBytes: record.headerSizeBytes, data };
      }
    } catch (error) {
      cause = error;
    }
    throw this.quarantine(message, segment, cause);
  }

  /** Takes a message whose bytes are damaged out of the index, and reports it. Its bytes stay where they are. */
  private quarantine(message: IndexedMessage, segment: Segment | undefined, cause: unknown): Error {
    const { sequence, position, sizeBytes } = message;
    const where = `${segment?.path} bytes ${position} to ${position + sizeBytes + RECORD_SURPLUS_BYTES}`;
    this.options.lost.add({ firstSequence: sequence, lastSequence: sequence, where });
    if (segment !== undefined) {
      segment.damaged = true;
      this.log.onStale(segment);
    }
    this.options.report({ where, problem: `message ${sequence} is damaged` });
    this.index.remove(sequence);
    segment?.release(sizeBytes);
    this.listener.removed(sequence, message.subject, "lost");
    this.compaction?.consider();
    return corrupt(sequence, where, cause);
  }

  private discard(sequence: number, reason: RemovalReason): IndexedMessage | undefined {
    const removed = this.index.remove(sequence);
    if (removed === undefined) return undefined;
    const segment = this.log.segments.get(removed.segment);
    segment?.release(removed.sizeBytes);
    if (segment?.isMostlyDead === true) this.compaction?.consider();
    this.journal.noteRemoved(sequence);
    if (this.telling) this.listener.removed(sequence, removed.subject, reason);
    return removed;
  }

  private commitRemovals(): void {
    this.journal.hurry();
    this.commit?.request();
  }

  private behind(): Error {
    return storeError(
      "STORE_UNAVAILABLE",
      `${this.log.stagedBytes} bytes wait for the disk: try again later`,
      {
        details: { stagedBytes: this.log.stagedBytes, maxStagedBytes: this.options.maxStagedBytes },
      },
    );
  }

  private assertTaking(): void {
    this.assertOpen();
    this.commit?.assertAvailable();
    if (this.log.stagedBytes > this.options.maxStagedBytes) throw this.behind();
  }

  private assertOpen(): void {
    if (this.closed) throw storeError("STORE_CLOSED", "The store of this stream is closed");
  }
}

function corrupt(sequence: number, where: string, cause?: unknown): Error {
  return storeError("RECORD_CORRUPT", `Message ${sequence} is damaged: ${where}`, {
    details: { sequence, where },
    cause,
  });
}
