import { join } from "node:path";
import type { Logger } from "@ganglion/kernel";
import type { IndexBlock } from "../indexing/index-block.js";
import type { MessageIndex } from "../indexing/message-index.js";
import { decodeRuns, RecordKind, recordSizeBytes } from "./record-codec.js";
import type { Segment } from "./segment.js";
import type { SegmentFile } from "./segment-files.js";
import {
  decodeFooter,
  encodeFooter,
  FOOTERS_WORK,
  type FooterIdentity,
  type SegmentFooter,
} from "./segment-footer.js";
import type { SegmentLog } from "./segment-log.js";

const FILE_NAME = /^\d{10}(?:-\d{1,6})?\.foot$/;
/** Every segment ends with the mark that a group is complete. */
const TAIL_BYTES = recordSizeBytes(0, 0);
const HIGHEST_DISTANCE = 0xffff_ffff;

/** A footer that fits its segment, and the last sequence that was given out when the segment was complete. */
export interface ValidFooter {
  readonly footer: SegmentFooter;
  readonly highestSequence: number;
}

/** Whether a file holds a footer. */
export function isFooterName(name: string): boolean {
  return FILE_NAME.test(name);
}

/**
 * The footers of sealed segments, each in a file beside its segment. They are a shortcut and nothing else: they
 * are written in the background, need no sync, and one that is missing, damaged or of another content is passed
 * over, and its segment is read instead.
 */
export class FooterFiles {
  private working: Promise<void> = Promise.resolve();
  private closed = false;
  /** Makes all removals so far durable. Rejects when that fails. Set when the stream is open. */
  flush: () => Promise<void> = () => Promise.resolve();

  constructor(
    private readonly log: SegmentLog,
    private readonly index: MessageIndex,
    private readonly options: { readonly logger: Logger; readonly writes: boolean },
  ) {}

  /** Writes the footer of a segment that was sealed, some time later. */
  write(segment: Segment): void {
    if (!FOOTERS_WORK || !this.options.writes) return;
    this.later(async () => {
      // It may have been removed, rewritten or found damaged meanwhile.
      if (this.log.segments.get(segment.number) !== segment || segment.damaged) return;
      const footer = this.describe(segment);
      if (footer === undefined) return;
      // A message that is not in it is gone for good. Were its removal not on the disk together with all earlier
      // ones, a message that it had displaced could come back.
      await this.flush();
      segment.runs = [];
      if (this.log.segments.get(segment.number) === segment)
        await this.save(segment, encodeFooter(footer, this.log.options.codec.checksum));
    });
  }

  /** Writes the footer of the newest segment of a stream that is closed; everything in it is durable. */
  async writeLast(segment: Segment): Promise<void> {
    if (
      !FOOTERS_WORK ||
      !this.options.writes ||
      segment.damaged ||
      segment.stagedEnd !== segment.committedEnd
    )
      return;
    try {
      const footer = this.describe(segment);
      if (footer !== undefined)
        await this.save(segment, encodeFooter(footer, this.log.options.codec.checksum));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Removes the footer of a segment whose content is not what the footer says any more. */
  drop(segment: Segment): void {
    const { footerPath } = segment;
    this.later(() => this.log.options.fileSystem.remove(footerPath));
  }

  /** Reads the footer of a file that recovery found, whatever the file holds now. */
  read(file: SegmentFile): SegmentFooter | undefined {
    if (!FOOTERS_WORK) return undefined;
    const { codec } = this.log.options;
    const bytes = this.readWhole(file.path.replace(/\.seg$/, ".foot"));
    const footer = bytes && decodeFooter(bytes, codec.checksum);
    const { salt, number, revision } = footer?.identity ?? {};
    const isOfFile = salt === codec.salt && number === file.number && revision === file.revision;
    return isOfFile ? footer : undefined;
  }

  /** @param end - where the content ends. @returns undefined when a footer does not fit it. */
  validate(
    footer: SegmentFooter | undefined,
    file: SegmentFile,
    end: number | undefined,
  ): ValidFooter | undefined {
    if (footer === undefined) return undefined;
    const { fileSystem, codec } = this.log.options;
    const { identity } = footer;
    if (identity.end !== (end ?? identity.end)) return undefined;
    if (identity.end > file.sizeBytes || identity.end < TAIL_BYTES) return undefined;
    const tail = Buffer.alloc(TAIL_BYTES);
    fileSystem.read(file.path, identity.end - TAIL_BYTES, tail);
    const mark = codec.decode(tail, 0);
    if (mark?.kind !== RecordKind.commit || codec.checksumAt(tail, 0) !== identity.tailChecksum)
      return undefined;
    return { footer, highestSequence: mark.sequence };
  }

  /** Removes files that belong to no segment. @param names - of the directory. */
  async sweep(names: readonly string[]): Promise<void> {
    const { fileSystem, directory } = this.log.options;
    const known = new Set([...this.log.segments.values()].map(({ footerPath }) => footerPath));
    for (const name of names.filter(isFooterName)) {
      const path = join(directory, name);
      if (!known.has(path)) await fileSystem.remove(path);
    }
  }

  /** Resolves when everything asked for so far is written. */
  async close(): Promise<void> {
    this.closed = true;
    await this.working;
  }

  private later(work: () => Promise<void>): void {
    if (this.closed) return;
    this.working = this.working.then(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await work();
      } catch (error) {
        this.failed(error);
      }
    });
  }

  private failed(error: unknown): void {
    this.options.logger.debug("A segment's footer was not written; the segment is read at the next start", {
      error,
    });
  }

  private async save(segment: Segment, bytes: Buffer): Promise<void> {
    const file = await this.log.options.fileSystem.open(segment.footerPath);
    try {
      await file.truncate(0);
      await file.write(0, [bytes]);
    } finally {
      await file.close();
    }
  }

  private readWhole(path: string): Buffer | undefined {
    const { fileSystem } = this.log.options;
    try {
      const bytes = Buffer.from(new ArrayBuffer(fileSystem.sizeOf(path)));
      return fileSystem.read(path, 0, bytes) === bytes.length ? bytes : undefined;
    } catch {
      return undefined; // missing or unreadable
    }
  }

  private identityOf(segment: Segment): FooterIdentity | undefined {
    const { codec } = this.log.options;
    const { number, revision, committedEnd: end } = segment;
    const tail = segment.bytesAt(end - TAIL_BYTES, TAIL_BYTES);
    if (codec.decode(tail, 0)?.kind !== RecordKind.commit) return undefined;
    return { salt: codec.salt, number, revision, end, tailChecksum: codec.checksumAt(tail, 0) };
  }

  private describe(segment: Segment): SegmentFooter | undefined {
    const identity = this.identityOf(segment);
    if (identity === undefined) return undefined;
    const collected = new Collector(segment);
    this.index.visitSegment(segment.number, segment.baseSequence, collected.add);
    const { baseSequence, floor, runs, keptBytes } = segment;
    return collected.isOverflowing
      ? undefined
      : { identity, ...collected.finish(), baseSequence, floor, runs: runs.flatMap(decodeRuns), keptBytes };
  }
}

/** Gathers the columns of a footer. */
class Collector {
  isOverflowing = false;
  private count = 0;
  private readonly subjects: string[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly timestampsUs: Float64Array;
  private readonly narrow: Uint32Array;

  constructor(private readonly segment: Segment) {
    this.timestampsUs = new Float64Array(segment.liveCount);
    this.narrow = new Uint32Array(segment.liveCount * 4);
  }

  readonly add = (block: IndexBlock, slot: number, subject: string): void => {
    const { count, narrow } = this;
    const room = this.segment.liveCount;
    const distance = block.sequenceOf(slot) - this.segment.baseSequence;
    this.isOverflowing ||= distance > HIGHEST_DISTANCE;
    let number = this.numbers.get(subject);
    if (number === undefined) {
      number = this.subjects.push(subject) - 1;
      this.numbers.set(subject, number);
    }
    this.timestampsUs[count] = block.timestampUsAt(slot);
    narrow[count] = distance;
    narrow[room + count] = number;
    narrow[room * 2 + count] = block.sizeWordAt(slot);
    narrow[room * 3 + count] = block.positionAt(slot);
    this.count++;
  };

  finish(): Pick<SegmentFooter, "columns" | "subjects"> {
    const { count, narrow, timestampsUs, subjects } = this;
    const room = this.segment.liveCount;
    const column = (index: number) => narrow.subarray(room * index, room * index + count);
    return {
      subjects,
      columns: {
        timestampsUs: timestampsUs.subarray(0, count),
        distances: column(0),
        subjects: column(1),
        sizes: column(2),
        positions: column(3),
      },
    };
  }
}
