import { storeError } from "../errors.js";
import type { FileSystem, WritableFile } from "../file-system.js";
import type { NewMessage } from "../message-store.js";
import type { ChunkCache } from "./chunk-cache.js";
import { encodeLogHeader, LOG_HEADER_BYTES, LogKind } from "./log-header.js";
import {
  encodeRuns,
  MAX_RECORD_BYTES,
  MAX_SUBJECT_BYTES,
  type NewRecord,
  type RecordCodec,
  RecordKind,
  recordSizeBytes,
} from "./record-codec.js";
import { Segment } from "./segment.js";

/** What a {@link SegmentLog} works with. */
export interface SegmentLogOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly cache: ChunkCache;
  readonly codec: RecordCodec;
  /** A segment is closed when the next record would make it larger. */
  readonly segmentSizeBytes: number;
}

/** A message on its way into the log. */
export interface LoggedMessage extends NewMessage {
  /** It is part of a batch whose next message follows. */
  readonly batchGoesOn?: boolean;
  /** The data is compressed. */
  readonly deflated?: boolean;
}

/** Where a record is. */
export interface RecordPlace {
  readonly segment: number;
  readonly position: number;
}

/** Staged bytes of one segment, to be written in one piece. They end with a commit record. */
export interface StagedGroup {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
  /** The last sequence given out when the group was closed. */
  readonly lastSequence: number;
}

const NOTHING = Buffer.alloc(0);

/**
 * The message log of a stream as a row of segment files. Records are staged in memory, taken as a group,
 * and written by {@link SegmentLog.write}; only the newest segment is written to.
 */
export class SegmentLog {
  readonly segments = new Map<number, Segment>();
  private active: Segment | undefined;
  private highestNumber = 0;
  /** File of the segment that was written to last, which is `active` or one before it. */
  private file: { readonly segment: Segment; readonly handle: WritableFile } | undefined;
  private staged: StagedGroup[] = [];
  private batchStart = LOG_HEADER_BYTES;
  /** Where the batch that was prepared last goes, and where it ends. */
  private batchRoom: { readonly segment: Segment | undefined; readonly end: number } = {
    segment: undefined,
    end: 0,
  };
  /** Bytes staged or being written. */
  stagedBytes = 0;
  /** Called when a segment is complete and durable. */
  onSealed: (segment: Segment) => void = () => {};
  /** Called when a sealed segment is not what its footer says any more: a message was erased, or bytes are damaged. */
  onStale: (segment: Segment) => void = () => {};

  constructor(readonly options: SegmentLogOptions) {}

  /** The segment that takes records; undefined before the first record. */
  get newest(): Segment | undefined {
    return this.active;
  }

  /** How many groups are staged: one per segment they go to. */
  get stagedGroups(): number {
    const isOpen = (this.active?.stagedEnd ?? 0) > this.batchStart;
    return this.staged.length + (isOpen ? 1 : 0);
  }

  /** Adds a segment that recovery has read. @param grows - whether it takes further records. */
  adopt(segment: Segment, grows: boolean): void {
    this.segments.set(segment.number, segment);
    this.highestNumber = segment.coversTo;
    segment.created = true;
    segment.stagedEnd = segment.committedEnd;
    if (!grows) segment.seal();
    this.active = grows ? segment : undefined;
    this.batchStart = segment.stagedEnd;
  }

  /** @throws GanglionError `RECORD_TOO_LARGE`. */
  stageMessage(message: LoggedMessage, sequence: number, subjectSizeBytes: number): RecordPlace {
    this.assertFits(message, subjectSizeBytes);
    const { timestampUs, subject, headerSizeBytes, data, batchGoesOn = false, deflated = false } = message;
    const kind = RecordKind.message;
    return this.stage(
      {
        kind,
        sequence,
        timestampUs,
        subject,
        subjectSizeBytes,
        headerSizeBytes,
        data,
        batchGoesOn,
        deflated,
      },
      sequence,
    );
  }

  /**
   * Makes sure that the messages go to one segment, and so into one group, when they are staged now.
   *
   * @throws GanglionError `RECORD_TOO_LARGE`.
   */
  prepareBatch(messages: readonly NewMessage[], firstSequence: number): void {
    let sizeBytes = 0;
    for (const message of messages) {
      const subjectSizeBytes = Buffer.byteLength(message.subject);
      this.assertFits(message, subjectSizeBytes);
      sizeBytes += recordSizeBytes(subjectSizeBytes, message.data.length);
    }
    if (sizeBytes > MAX_RECORD_BYTES)
      throw tooLarge("A batch", { sizeBytes, maxSizeBytes: MAX_RECORD_BYTES });
    const segment = this.roomFor(sizeBytes, firstSequence);
    this.batchRoom = { segment, end: segment.stagedEnd + sizeBytes };
  }

  private assertFits({ data }: NewMessage, subjectSizeBytes: number): void {
    const sizeBytes = recordSizeBytes(subjectSizeBytes, data.length);
    if (subjectSizeBytes > MAX_SUBJECT_BYTES || sizeBytes > MAX_RECORD_BYTES) {
      const maxSubjectSizeBytes = MAX_SUBJECT_BYTES;
      const limits = { maxSizeBytes: MAX_RECORD_BYTES, maxSubjectSizeBytes };
      throw tooLarge("A message", { sizeBytes, subjectSizeBytes, ...limits });
    }
  }

  /**
   * Stages the news that messages are gone: all below `floor`, and `sequences`. The record is written twice:
   * were it lost, removed messages would come back.
   *
   * @param sequences - ascending.
   * @returns where the second copy is.
   */
  stageRemovals(floor: number, sequences: readonly number[], lastSequence: number): RecordPlace {
    const runs = encodeRuns(sequences);
    const record = controlRecord(RecordKind.removed, floor, runs);
    const [lowest = Number.POSITIVE_INFINITY] = sequences;
    const first = this.stage(record, lastSequence + 1);
    this.segments.get(first.segment)?.noteRemovals(floor, runs, lowest);
    const second = this.stage(record, lastSequence + 1);
    if (second.segment !== first.segment)
      this.segments.get(second.segment)?.noteRemovals(floor, runs, lowest);
    return second;
  }

  /** Hands over the oldest group; groups of different segments are committed one after the other. */
  take(lastSequence: number): StagedGroup | undefined {
    if (this.staged.length === 0) this.closeBatch(lastSequence);
    return this.staged.shift();
  }

  /** Writes a group that was taken. With `sync`, it is on the disk when this resolves. */
  async write({ segment, start, end }: StagedGroup, sync: boolean): Promise<void> {
    const handle = await this.handleOf(segment);
    await handle.write(start, segment.staged(start, end));
    if (sync) await handle.sync();
  }

  /** From now on a group that was written is part of the log. */
  committed({ segment, start, end }: StagedGroup): void {
    segment.commitTo(end);
    this.stagedBytes -= end - start;
  }

  /** Makes everything written so far durable. */
  async sync(): Promise<void> {
    await this.file?.handle.sync();
  }

  /** Gives up what is staged or was being written, and the segment it went to. Nothing may be in progress. */
  async abandon(): Promise<void> {
    this.staged = [];
    this.stagedBytes = 0;
    this.active = undefined;
    const { file } = this;
    this.file = undefined;
    for (const segment of [...this.segments.values()]) {
      if (segment.sealed) continue;
      segment.stagedEnd = segment.committedEnd;
      segment.seal();
      segment.forget();
      segment.hasTrail = true;
      if (!segment.created) this.segments.delete(segment.number);
    }
    await file?.handle.close();
  }

  /** Begins a new segment after {@link abandon}. Rejects when that fails; the next try uses a new number. */
  async resume(baseSequence: number): Promise<void> {
    await this.cutTrails();
    const segment = this.begin(baseSequence);
    try {
      await this.handleOf(segment);
    } catch (error) {
      await this.abandon().catch(() => {});
      await this.options.fileSystem.remove(segment.path).catch(() => {});
      throw error;
    }
  }

  /** Opens the newest segment, so that the first record finds it. */
  async openNewest(baseSequence: number): Promise<void> {
    await this.handleOf(this.active ?? this.begin(baseSequence));
  }

  /** Removes a segment's files. Resolves when that is durable. */
  async remove(segments: readonly Segment[]): Promise<void> {
    const { fileSystem, directory } = this.options;
    for (const { path, footerPath } of segments) {
      await fileSystem.remove(footerPath);
      await fileSystem.remove(path);
    }
    await fileSystem.syncDirectory(directory);
  }

  async close(): Promise<void> {
    await this.closeFile();
    for (const segment of this.segments.values()) segment.forget();
  }

  private stage(record: NewRecord, baseSequence: number): RecordPlace {
    const sizeBytes = recordSizeBytes(record.subjectSizeBytes, record.data.length);
    const segment = this.roomFor(sizeBytes, baseSequence);
    const chunk = segment.reserve(sizeBytes);
    this.options.codec.encode(chunk.bytes, chunk.fill, record);
    const position = segment.stagedEnd;
    chunk.fill += sizeBytes;
    segment.stagedEnd += sizeBytes;
    this.stagedBytes += sizeBytes;
    return { segment: segment.number, position };
  }

  private roomFor(sizeBytes: number, baseSequence: number): Segment {
    const { active } = this;
    if (active === undefined) return this.begin(baseSequence);
    // A batch may make its segment larger than others.
    const { segment, end } = this.batchRoom;
    if (segment === active && active.stagedEnd + sizeBytes <= end) return active;
    // A damaged one is closed, so that it can be written anew.
    const isFull = active.damaged || active.stagedEnd + sizeBytes > this.options.segmentSizeBytes;
    if (!isFull || active.stagedEnd === LOG_HEADER_BYTES) return active;
    this.closeBatch(baseSequence - 1);
    return this.begin(baseSequence);
  }

  private begin(baseSequence: number): Segment {
    const segment = new Segment(++this.highestNumber, baseSequence, this.options);
    this.segments.set(segment.number, segment);
    this.active = segment;
    this.batchStart = LOG_HEADER_BYTES;
    return segment;
  }

  private closeBatch(lastSequence: number): void {
    const { active, batchStart } = this;
    if (active === undefined || active.stagedEnd === batchStart) return;
    // Not through roomFor: the marker belongs behind its group, also when the segment is full.
    const marker = controlRecord(RecordKind.commit, lastSequence, NOTHING);
    const sizeBytes = recordSizeBytes(0, 0);
    const chunk = active.reserve(sizeBytes);
    this.options.codec.encode(chunk.bytes, chunk.fill, marker);
    chunk.fill += sizeBytes;
    active.stagedEnd += sizeBytes;
    this.stagedBytes += sizeBytes;
    this.staged.push({ segment: active, start: batchStart, end: active.stagedEnd, lastSequence });
    this.batchStart = active.stagedEnd;
  }

  /** The open file of `segment`, created if need be, after everything in front of it was made durable. */
  private async handleOf(segment: Segment): Promise<WritableFile> {
    if (this.file?.segment === segment) return this.file.handle;
    const previous = this.file?.segment;
    await this.file?.handle.sync();
    previous?.seal();
    await this.closeFile();
    if (previous !== undefined) this.onSealed(previous);
    const handle = await this.options.fileSystem.open(segment.path);
    this.file = { segment, handle };
    if (!segment.created) await this.createFile(segment, handle);
    return handle;
  }

  private async createFile(segment: Segment, handle: WritableFile): Promise<void> {
    const previous = this.before(segment);
    segment.previousNumber = previous?.coversTo ?? 0;
    segment.previousEnd = previous?.committedEnd ?? 0;
    const header = encodeLogHeader({
      kind: LogKind.segment,
      salt: this.options.codec.salt,
      number: segment.number,
      previousNumber: segment.previousNumber,
      previousEnd: segment.previousEnd,
      coversTo: segment.number,
      end: 0,
      baseSequence: segment.baseSequence,
    });
    await handle.truncate(0);
    await handle.write(0, [header]);
    await handle.sync();
    await this.options.fileSystem.syncDirectory(this.options.directory);
    segment.created = true;
  }

  /**
   * Cuts off what failed writes left behind the trusted ends. Recovery knows these ends from the next
   * segment's header; this lets that segment be removed one day. So it may fail.
   */
  private async cutTrails(): Promise<void> {
    for (const segment of this.segments.values()) {
      if (!segment.hasTrail) continue;
      try {
        const handle = await this.options.fileSystem.open(segment.path);
        try {
          await handle.truncate(segment.committedEnd);
          await handle.sync();
        } finally {
          await handle.close();
        }
        segment.hasTrail = false;
      } catch {
        // See above.
      }
    }
  }

  /** The segment in front of `segment` that still exists. */
  before(segment: Segment): Segment | undefined {
    let found: Segment | undefined;
    for (const other of this.segments.values()) if (other.number < segment.number) found = other;
    return found;
  }

  private async closeFile(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.handle.close();
  }
}

function tooLarge(what: string, details: Readonly<Record<string, number>>): Error {
  return storeError("RECORD_TOO_LARGE", `${what} of ${details.sizeBytes} bytes does not fit into the log`, {
    details,
  });
}

/** A record that is no message. */
export function controlRecord(kind: RecordKind, sequence: number, data: Uint8Array): NewRecord {
  return { kind, sequence, timestampUs: 0, subject: "", subjectSizeBytes: 0, headerSizeBytes: 0, data };
}
