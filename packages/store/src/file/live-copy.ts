import type { MessageIndex } from "../indexing/message-index.js";
import { LOG_HEADER_BYTES } from "./log-header.js";
import { scanRecords } from "./log-scan.js";
import {
  type DecodedRecord,
  decodeRuns,
  encodeRun,
  encodeRuns,
  type RecordCodec,
  RecordKind,
  recordSizeBytes,
} from "./record-codec.js";
import type { Segment } from "./segment.js";
import { controlRecord } from "./segment-log.js";

/** A message that is copied into a rewritten segment. */
export interface Move {
  readonly sequence: number;
  readonly from: Segment;
  readonly before: number;
  readonly after: number;
}

/** What a {@link LiveCopy} works with. */
export interface LiveCopyOptions {
  readonly codec: RecordCodec;
  readonly index: MessageIndex;
  /** The lowest sequence any segment may still hold. */
  readonly oldestSequence: number;
  /** The lowest sequence of the segments that are copied. */
  readonly baseSequence: number;
}

/** The content of a rewritten segment. */
export interface FinishedCopy {
  readonly pieces: readonly Buffer[];
  /** Size of the records that are no messages. */
  readonly controlBytes: number;
  /** What the record of removals says. */
  readonly removals: { readonly floor: number; readonly runs: Buffer; readonly lowest: number };
}

/** Collects what of some neighbouring segments is still needed: messages, and removals of older messages. */
export class LiveCopy {
  readonly moves: Move[] = [];
  /** Where the content ends so far. */
  end = LOG_HEADER_BYTES;
  private readonly pieces: Buffer[] = [];
  private readonly removed = new Set<number>();
  private floor = 0;
  private highestSequence: number;

  constructor(private readonly options: LiveCopyOptions) {
    this.highestSequence = options.baseSequence - 1;
  }

  /** Reads one segment. @returns false when it turns out to be damaged. */
  add(segment: Segment): boolean {
    const { codec } = this.options;
    // Those of a footer: the records may be damaged.
    this.floor = Math.max(this.floor, segment.floor);
    for (const runs of segment.runs) this.addRemovals(segment.floor, runs);
    const content = segment.readFile(0, segment.committedEnd);
    const end = scanRecords(
      content,
      { codec, from: LOG_HEADER_BYTES },
      {
        record: (record, offset) => {
          const isMessage = record.kind === RecordKind.message;
          if (isMessage) this.addMessage(segment, offset, { record, content });
          else if (record.kind === RecordKind.removed) {
            this.addRemovals(record.sequence, content.subarray(record.dataStart, record.end));
          }
          if (isMessage || record.kind === RecordKind.commit) {
            this.highestSequence = Math.max(this.highestSequence, record.sequence);
          }
        },
        damage: () => {
          segment.damaged = true;
        },
      },
    );
    if (end < segment.committedEnd) segment.damaged = true;
    return !segment.damaged;
  }

  /** The copied messages, followed by the removals, twice, and the mark that the group is complete. */
  finish(): FinishedCopy {
    const { codec } = this.options;
    const sequences = [...this.removed].filter((sequence) => sequence >= this.floor);
    sequences.sort((left, right) => left - right);
    const [lowest = Number.POSITIVE_INFINITY] = sequences;
    const runs = Buffer.concat([encodeRuns(sequences), ...this.gaps()]);
    const removalBytes = recordSizeBytes(0, runs.length);
    const control = Buffer.alloc(removalBytes * 2 + recordSizeBytes(0, 0));
    codec.encode(control, 0, controlRecord(RecordKind.removed, this.floor, runs));
    control.copyWithin(removalBytes, 0, removalBytes);
    const commit = controlRecord(RecordKind.commit, this.highestSequence, Buffer.alloc(0));
    codec.encode(control, removalBytes * 2, commit);
    this.end += control.length;
    const removals = { floor: this.floor, runs, lowest };
    return { pieces: [...this.pieces, control], controlBytes: control.length, removals };
  }

  /**
   * What is not there any more between the copied messages. If one of them is damaged one day, recovery is to know
   * that it is the only one that is missing.
   */
  private *gaps(): Generator<Buffer> {
    let next = this.options.baseSequence;
    for (const { sequence } of this.moves) {
      if (sequence > next) yield encodeRun(next, sequence - next);
      next = sequence + 1;
    }
    if (this.highestSequence >= next) yield encodeRun(next, this.highestSequence - next + 1);
  }

  private addMessage(
    segment: Segment,
    offset: number,
    { record, content }: { record: DecodedRecord; content: Buffer },
  ): void {
    const place = this.options.index.get(record.sequence);
    if (place?.segment !== segment.number || place.position !== offset) return; // removed
    this.moves.push({ sequence: record.sequence, from: segment, before: offset, after: this.end });
    this.pieces.push(content.subarray(offset, record.end));
    this.end += record.end - offset;
  }

  private addRemovals(floor: number, runs: Buffer): void {
    const { oldestSequence, baseSequence } = this.options;
    this.floor = Math.max(this.floor, floor);
    for (const { first, count } of decodeRuns(runs)) {
      // Only messages in older segments can still be in a file: those of these segments are not copied.
      const end = Math.min(first + count, baseSequence);
      for (let sequence = Math.max(first, oldestSequence); sequence < end; sequence++)
        this.removed.add(sequence);
    }
  }
}
