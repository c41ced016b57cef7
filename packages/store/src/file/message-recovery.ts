import { readSizeWord } from "../indexing/index-block.js";
import type { MessageIndex } from "../indexing/message-index.js";
import { accountedSizeBytes, type LostRange } from "../message-store.js";
import type { RecoveryProblem } from "../storage.js";
import { uncompressedSizeBytes } from "./compressed-data.js";
import type { FooterFiles, ValidFooter } from "./footer-files.js";
import { LOG_HEADER_BYTES } from "./log-header.js";
import { type Damage, scanRecords } from "./log-scan.js";
import { LostRanges } from "./lost-ranges.js";
import { type DecodedRecord, decodeRuns, encodeRun, RecordKind, type SequenceRun } from "./record-codec.js";
import { Segment } from "./segment.js";
import type { SegmentFile } from "./segment-files.js";
import type { SegmentFooter } from "./segment-footer.js";
import type { SegmentLog } from "./segment-log.js";

/** What recovery of the messages found out beside the messages. */
export interface MessageRecovery {
  readonly lost: readonly LostRange[];
  readonly problems: readonly RecoveryProblem[];
  /** A file that ends in a write that was never completed, and where its content ends. */
  readonly torn: { readonly path: string; readonly end: number } | undefined;
  /** Segments that had to be read for want of a footer. */
  readonly withoutFooter: readonly Segment[];
}

/** Where recovery finds things and puts them. */
export interface RecoveryParts {
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly footers: FooterFiles;
}

/** Damage whose cost is known when the next intact record has been read. */
interface OpenDamage {
  readonly afterSequence: number;
  readonly where: string;
}

/**
 * Reads all segments into the index, oldest first: the footer of a sealed segment, or else the segment itself.
 *
 * Only the end of the newest segment can be a write that was interrupted: bytes there that no intact record
 * follows are cut off. They belong to no complete group, as a group ends with a commit record, so nobody
 * was promised anything. All other bytes that are no record are damage, which costs the sequences missing
 * between its neighbours and nothing else.
 */
export async function recoverMessages(
  files: readonly SegmentFile[],
  parts: RecoveryParts,
): Promise<MessageRecovery> {
  const recovery = new Recovery(parts);
  for (const [position, file] of files.entries()) {
    recovery.segment(file, position === files.length - 1);
    await new Promise((resolve) => setImmediate(resolve)); // let timers and sockets have a turn
  }
  return recovery.finish();
}

class Recovery {
  private readonly lostRanges = new LostRanges();
  private readonly problems: RecoveryProblem[] = [];
  private open: OpenDamage[] = [];
  /** Removals read since the oldest open damage: first and last sequence. */
  private removedSince: (readonly [number, number])[] = [];
  private torn: MessageRecovery["torn"];
  /** What was read since the begin of a batch whose end was not read yet. */
  private batch: { readonly start: number; readonly reads: (() => void)[]; damaged: boolean } | undefined;
  private readonly withoutFooter: Segment[] = [];
  private readonly log: SegmentLog;
  private readonly index: MessageIndex;

  constructor(private readonly parts: RecoveryParts) {
    this.log = parts.log;
    this.index = parts.index;
  }

  segment(file: SegmentFile, isLast: boolean): void {
    const { header } = file;
    const { footers } = this.parts;
    const footer = footers.read(file);
    const baseSequence = header?.baseSequence ?? footer?.baseSequence ?? this.index.lastSequence + 1;
    const segment = new Segment(file.number, baseSequence, this.log.options);
    segment.revision = file.revision;
    segment.coversTo = header?.coversTo ?? file.number;
    segment.previousNumber = header?.previousNumber ?? 0;
    segment.previousEnd = header?.previousEnd ?? 0;
    if (header === undefined) {
      this.problems.push({ where: file.path, problem: "both copies of the header are damaged" });
      segment.damaged = true;
    }
    this.reached(segment.baseSequence - 1);
    this.log.segments.set(segment.number, segment);
    const growing = isLast && file.trustedEnd === undefined;
    const valid = footers.validate(footer, file, growing ? file.sizeBytes : file.trustedEnd);
    const [distance = 0] = footer?.columns.distances ?? [];
    const isInOrder = segment.baseSequence + distance > this.index.lastSequence;
    if (valid !== undefined && isInOrder && header !== undefined) this.take(segment, valid);
    else {
      this.readRecords(segment, file, growing);
      if (footer !== undefined) this.compare(segment, footer);
    }
    segment.hasTrail = !growing && segment.committedEnd < file.sizeBytes;
    this.log.adopt(segment, growing && !segment.damaged); // a damaged one is to be written anew
  }

  /** Reads a segment record by record. */
  private readRecords(segment: Segment, file: SegmentFile, growing: boolean): void {
    const end = file.trustedEnd ?? file.sizeBytes;
    const content = segment.readFile(0, Math.min(end, file.sizeBytes));
    const intact = this.scan(segment, content);
    const scanned = growing ? (this.batch?.start ?? intact) : intact;
    if (growing) {
      this.batch = undefined; // it was interrupted: nobody was promised anything
      segment.committedEnd = scanned;
      if (scanned < file.sizeBytes) this.torn = { path: file.path, end: scanned };
    } else {
      this.endBatch();
      segment.committedEnd = end;
      if (scanned < end) this.damage(segment, { start: scanned, end });
      if (!segment.damaged) this.withoutFooter.push(segment);
    }
  }

  /** A segment had to be read although it has a footer: it has grown since, or has lost something. */
  private compare(segment: Segment, { identity, columns, floor, runs }: SegmentFooter): void {
    if (segment.committedEnd < identity.end) {
      this.damage(segment, { start: segment.committedEnd, end: identity.end });
      this.reached(segment.baseSequence + (columns.distances.at(-1) ?? -1));
    }
    // The records that said so may be among what is lost.
    segment.floor = Math.max(segment.floor, floor);
    for (const { first, count } of runs) segment.noteRemovals(floor, encodeRun(first, count), first);
    this.removeRuns(segment, floor, runs);
  }

  /** Takes over what a footer says of its segment. */
  private take(segment: Segment, { footer, highestSequence }: ValidFooter): void {
    const { columns, subjects, floor, runs, keptBytes, identity } = footer;
    const { number, baseSequence } = segment;
    segment.committedEnd = identity.end;
    segment.keptBytes = keptBytes;
    // For the footer to come, if the segment still grows.
    for (const { first, count } of runs) segment.runs.push(encodeRun(first, count));
    segment.floor = floor;
    const { distances } = columns;
    for (let at = 0; at < distances.length; at++) {
      const { sizeBytes, hasHeaders } = readSizeWord(columns.sizes[at] ?? 0);
      this.index.restore(baseSequence + (distances[at] ?? 0), {
        subject: subjects[columns.subjects[at] ?? 0] ?? "",
        timestampUs: columns.timestampsUs[at] ?? 0,
        sizeBytes,
        hasHeaders,
        segment: number,
        position: columns.positions[at] ?? 0,
      });
      segment.retain(sizeBytes);
    }
    this.removeRuns(segment, floor, runs);
    this.reached(highestSequence);
  }

  finish(): MessageRecovery {
    this.reached(this.index.lastSequence);
    return {
      lost: this.lostRanges.list(),
      problems: this.problems,
      torn: this.torn,
      withoutFooter: this.withoutFooter,
    };
  }

  private scan(segment: Segment, content: Buffer): number {
    const { codec } = this.log.options;
    const isRewritten = segment.revision > 0;
    return scanRecords(
      content,
      { codec, from: LOG_HEADER_BYTES },
      {
        damage: (damage) => {
          if (this.batch !== undefined) this.batch.damaged = true;
          this.read(() => this.damage(segment, damage));
        },
        record: (record, offset) => {
          if (isRewritten && record.kind !== RecordKind.message) segment.keptBytes += record.end - offset;
          this.takeRecord(segment, { record, offset, content });
        },
      },
    );
  }

  /** Messages of a batch count when its last one is there. */
  private takeRecord(
    segment: Segment,
    place: { record: DecodedRecord; offset: number; content: Buffer },
  ): void {
    const { record, offset } = place;
    const isMessage = record.kind === RecordKind.message;
    // Of a batch with a hole that was committed, as what follows shows, the rest is kept.
    if (!isMessage) this.endBatch();
    else if (record.batchGoesOn) this.batch ??= { start: offset, reads: [], damaged: false };
    this.read(() => this.record(segment, place));
    if (isMessage && !record.batchGoesOn && this.batch?.damaged === false) this.endBatch();
  }

  private read(apply: () => void): void {
    if (this.batch === undefined) apply();
    else this.batch.reads.push(apply);
  }

  private endBatch(): void {
    const reads = this.batch?.reads ?? [];
    this.batch = undefined;
    for (const apply of reads) apply();
  }

  private record(
    segment: Segment,
    { record, offset, content }: { record: DecodedRecord; offset: number; content: Buffer },
  ): void {
    switch (record.kind) {
      case RecordKind.message:
        this.message(segment, record, { offset, content });
        break;
      case RecordKind.removed:
        this.removed(segment, record.sequence, content.subarray(record.dataStart, record.end));
        break;
      case RecordKind.erased:
        this.reached(record.sequence - 1);
        this.reached(record.sequence);
        break;
      default:
        this.reached(record.sequence); // a commit record names the last sequence given out
    }
  }

  private message(
    segment: Segment,
    record: DecodedRecord,
    { offset, content }: { offset: number; content: Buffer },
  ): void {
    const { sequence, timestampUs, headerSizeBytes } = record;
    if (sequence <= this.index.lastSequence) {
      this.problems.push({
        where: segment.path,
        problem: `message ${sequence} is there twice or out of order`,
      });
      return;
    }
    this.reached(sequence - 1);
    const subjectSizeBytes = record.dataStart - record.subjectStart;
    const stored = content.subarray(record.dataStart, record.end);
    const dataSizeBytes = record.deflated ? uncompressedSizeBytes(stored) : stored.length;
    const sizeBytes = accountedSizeBytes(subjectSizeBytes, headerSizeBytes, dataSizeBytes);
    this.index.restore(sequence, {
      subject: content.toString("utf8", record.subjectStart, record.dataStart),
      timestampUs,
      sizeBytes,
      hasHeaders: headerSizeBytes > 0,
      segment: segment.number,
      position: offset,
    });
    segment.retain(sizeBytes);
  }

  private removed(segment: Segment, floor: number, runs: Buffer): void {
    segment.noteRemovals(floor, Buffer.from(runs), Number.POSITIVE_INFINITY);
    this.removeRuns(segment, floor, decodeRuns(runs));
  }

  private removeRuns(segment: Segment, floor: number, runs: readonly SequenceRun[]): void {
    while (this.index.count > 0 && this.index.firstSequence < floor) this.remove(this.index.firstSequence);
    this.index.skipTo(floor - 1);
    this.notLost(0, floor - 1);
    for (const { first, count } of runs) {
      segment.lowestRemoved = Math.min(segment.lowestRemoved, first);
      this.notLost(first, first + count - 1);
      for (let sequence = first; sequence < first + count; sequence++) this.remove(sequence);
    }
  }

  private remove(sequence: number): void {
    const removed = this.index.remove(sequence);
    if (removed !== undefined) this.log.segments.get(removed.segment)?.release(removed.sizeBytes);
  }

  private damage(segment: Segment, { start, end }: Damage): void {
    const where = `${segment.path} bytes ${start} to ${end}`;
    segment.damaged = true;
    this.problems.push({ where, problem: "these bytes are damaged; they are left as they are" });
    this.open.push({ afterSequence: this.index.lastSequence, where });
  }

  /** The log got to `sequence`: what damage hid in front of it is known now. */
  private reached(sequence: number): void {
    for (const { afterSequence, where } of this.open) {
      this.lostRanges.add({ firstSequence: afterSequence + 1, lastSequence: sequence, where });
    }
    for (const [first, last] of this.removedSince) this.lostRanges.subtract(first, last);
    this.open = [];
    this.removedSince = [];
    this.index.skipTo(sequence);
  }

  private notLost(firstSequence: number, lastSequence: number): void {
    this.lostRanges.subtract(firstSequence, lastSequence);
    if (this.open.length > 0) this.removedSince.push([firstSequence, lastSequence]);
  }
}
