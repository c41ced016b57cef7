import type { Logger } from "@ganglion/kernel";
import type { MessageIndex } from "../indexing/message-index.js";
import { encodeLogHeader, LOG_HEADER_BYTES, LogKind } from "./log-header.js";
import { scanRecords } from "./log-scan.js";
import type { MessageJournal } from "./message-journal.js";
import { decodeRuns, encodeRuns, RecordKind, recordSizeBytes } from "./record-codec.js";
import { Segment } from "./segment.js";
import { controlRecord, type SegmentLog } from "./segment-log.js";

/** What a {@link Compaction} works with. */
export interface CompactionOptions {
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly journal: MessageJournal;
  readonly logger: Logger;
}

/** The content of a rewritten segment. */
interface Rewritten {
  readonly pieces: Buffer[];
  /** Messages in it: sequence, where it was, where it is. */
  readonly moves: {
    readonly sequence: number;
    readonly from: Segment;
    readonly before: number;
    readonly after: number;
  }[];
  readonly end: number;
  readonly keptBytes: number;
}

/**
 * Gives disk space back: removes segments without messages, and writes segments that are less than half in
 * use anew, neighbours together. A segment with damage is left as it is.
 *
 * A rewritten segment gets a new file name, is complete and durable before it has that name, and names the
 * segments it stands for: a crash at any point leaves the old files or the new one in charge.
 */
export class Compaction {
  private wanted = false;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: CompactionOptions) {}

  /** Looks for work soon, in the background. */
  consider(): void {
    this.wanted = true;
    if (this.closed) return;
    this.running ??= new Promise((resolve) => {
      setImmediate(() => {
        void this.run().then(() => {
          this.running = undefined;
          resolve();
        });
      });
    });
  }

  /** Resolves when the work in progress has ended; no other begins. */
  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      while (this.wanted && !this.closed) {
        this.wanted = false;
        await this.removeDead();
        for (let run = this.chooseRun(); run.length > 0 && !this.closed; run = this.chooseRun()) {
          if (!(await this.rewrite(run))) break;
        }
      }
    } catch (error) {
      this.options.logger.warn("Giving disk space back failed; it is tried again later", { error });
    }
  }

  private async removeDead(): Promise<void> {
    const { log } = this.options;
    for (const segment of [...log.segments.values()]) {
      if (!this.isRemovable(segment) || this.closed) continue;
      await log.options.fileSystem.remove(segment.path);
      // Before the removal records for its messages may be dropped, it must be gone for good.
      await log.options.fileSystem.syncDirectory(log.options.directory);
      segment.forget();
      log.segments.delete(segment.number);
    }
  }

  private isRemovable(segment: Segment): boolean {
    const { log, index } = this.options;
    if (!segment.sealed || !segment.created || segment.liveCount > 0) return false;
    if (segment.highestLost >= index.firstSequence) return false;
    const [oldest] = log.segments.values();
    return segment === oldest || segment.lowestRemoved >= segment.baseSequence;
  }

  /** The first neighbours that are mostly dead and fit together into one segment; none if there is no work. */
  private chooseRun(): readonly Segment[] {
    const run: Segment[] = [];
    let sizeBytes = LOG_HEADER_BYTES;
    for (const segment of this.options.log.segments.values()) {
      const needed = segment.liveBytes + segment.keptBytes;
      const fits = sizeBytes + needed <= this.options.log.options.segmentSizeBytes;
      if (segment.isMostlyDead && segment.created && !segment.damaged && (fits || run.length === 0)) {
        run.push(segment);
        sizeBytes += needed;
      } else if (run.length > 0) break;
    }
    return run;
  }

  /** @returns false when it had to be given up. */
  private async rewrite(run: readonly Segment[]): Promise<boolean> {
    const { log, journal } = this.options;
    const { fileSystem, directory } = log.options;
    const [first] = run;
    const last = run.at(-1);
    if (first === undefined || last === undefined) return false;
    const erasedBefore = journal.eraseCount;
    const target = new Segment(first.number, first.baseSequence, log.options);
    target.revision = first.revision + 1;
    target.coversTo = last.coversTo;
    target.previousNumber = first.previousNumber;
    target.previousEnd = first.previousEnd;
    const content = await this.copyLive(run, target);
    if (content === undefined) return false;
    await this.writeFile(target, content);
    // A message that was erased meanwhile must not survive in the copy.
    if (journal.eraseCount !== erasedBefore) {
      await fileSystem.remove(target.path);
      await fileSystem.syncDirectory(directory);
      return false;
    }
    this.exchange(run, target, content);
    for (const old of run) await fileSystem.remove(old.path);
    await fileSystem.syncDirectory(directory);
    return true;
  }

  /** @returns undefined when a segment turned out to be damaged. */
  private async copyLive(run: readonly Segment[], target: Segment): Promise<Rewritten | undefined> {
    const { log, index } = this.options;
    const { codec } = log.options;
    const pieces: Buffer[] = [];
    const moves: Rewritten["moves"] = [];
    const removed = new Set<number>();
    const [oldest] = log.segments.values();
    const oldestSequence = oldest?.baseSequence ?? 0;
    let end = LOG_HEADER_BYTES;
    let floor = 0;
    for (const segment of run) {
      const bytes = segment.readFile(0, segment.committedEnd);
      const visitor = {
        record: (
          record: { kind: number; sequence: number; dataStart: number; end: number },
          offset: number,
        ) => {
          const { sequence } = record;
          if (record.kind === RecordKind.message) {
            const place = index.get(sequence);
            if (place?.segment !== segment.number || place.position !== offset) return;
            moves.push({ sequence, from: segment, before: offset, after: end });
            pieces.push(bytes.subarray(offset, record.end));
            end += record.end - offset;
          } else if (record.kind === RecordKind.removed) {
            floor = Math.max(floor, sequence);
            for (const { first, count } of decodeRuns(bytes.subarray(record.dataStart, record.end))) {
              // Of these, only messages in older segments can still be in a file.
              const end = Math.min(first + count, target.baseSequence);
              for (let n = Math.max(first, oldestSequence); n < end; n++) removed.add(n);
            }
          }
        },
        damage: () => {
          segment.damaged = true;
        },
      };
      const scanned = scanRecords(bytes, { codec, from: LOG_HEADER_BYTES }, visitor);
      if (scanned < segment.committedEnd) segment.damaged = true;
      if (segment.damaged) return undefined;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const kept = this.controlRecords(target, floor, removed);
    return { pieces: [...pieces, kept], moves, end: end + kept.length, keptBytes: kept.length };
  }

  /** The removals that still matter, twice, and the mark that the group is complete. */
  private controlRecords(target: Segment, floor: number, removed: ReadonlySet<number>): Buffer {
    const { codec } = this.options.log.options;
    const ordered = [...removed].filter((sequence) => sequence >= floor).sort((left, right) => left - right);
    target.lowestRemoved = ordered[0] ?? Number.POSITIVE_INFINITY;
    const runs = encodeRuns(ordered);
    const removal = controlRecord(RecordKind.removed, floor, runs);
    const commit = controlRecord(RecordKind.commit, target.baseSequence - 1, Buffer.alloc(0));
    const removalBytes = recordSizeBytes(0, runs.length);
    const bytes = Buffer.alloc(removalBytes * 2 + recordSizeBytes(0, 0));
    codec.encode(bytes, 0, removal);
    bytes.copyWithin(removalBytes, 0, removalBytes);
    codec.encode(bytes, removalBytes * 2, commit);
    return bytes;
  }

  private async writeFile(target: Segment, content: Rewritten): Promise<void> {
    const { fileSystem, directory, codec } = this.options.log.options;
    const { number, previousNumber, previousEnd, coversTo, baseSequence } = target;
    const header = encodeLogHeader({
      kind: LogKind.segment,
      salt: codec.salt,
      number,
      previousNumber,
      previousEnd,
      coversTo,
      end: content.end,
      baseSequence,
    });
    const file = await fileSystem.open(`${target.path}.new`);
    try {
      await file.truncate(0);
      await file.write(0, [Buffer.concat([header, ...content.pieces])]);
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(`${target.path}.new`, target.path);
    await fileSystem.syncDirectory(directory);
  }

  /** Lets the index point into the new file, in one turn. */
  private exchange(run: readonly Segment[], target: Segment, content: Rewritten): void {
    const { log, index } = this.options;
    target.committedEnd = content.end;
    target.stagedEnd = content.end;
    target.keptBytes = content.keptBytes;
    target.created = true;
    target.seal();
    for (const segment of run) {
      segment.forget();
      if (segment.number === target.number) log.segments.set(target.number, target);
      else log.segments.delete(segment.number);
    }
    for (const { sequence, from, before, after } of content.moves) {
      const place = index.get(sequence);
      if (place?.segment !== from.number || place.position !== before) continue; // removed meanwhile
      index.relocate(sequence, target.number, after);
      target.retain(place.sizeBytes);
    }
  }
}
