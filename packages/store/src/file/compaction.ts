import type { Logger } from "@ganglion/kernel";
import type { FileSystem } from "../file-system.js";
import type { MessageIndex } from "../indexing/message-index.js";
import { LiveCopy } from "./live-copy.js";
import { encodeLogHeader, LOG_HEADER_BYTES, LogKind } from "./log-header.js";
import type { LostLedger } from "./lost-ledger.js";
import type { MessageJournal } from "./message-journal.js";
import { Segment } from "./segment.js";
import type { SegmentLog } from "./segment-log.js";

/** What a {@link Compaction} works with. */
export interface CompactionOptions {
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly journal: MessageJournal;
  readonly logger: Logger;
  readonly lost: LostLedger;
  /** False: nothing is given back or repaired. */
  readonly enabled: boolean;
  /** Makes all removals so far durable. Rejects when that fails. */
  flush(): Promise<void>;
  /** Takes messages of a segment that cannot be read any more out of the index. */
  verifyMessages(segment: Segment): void;
}

/**
 * Gives disk space back: removes segments without messages, and writes segments that are less than half in
 * use anew, neighbours together. A segment with damage is written anew without it; a copy of it is kept.
 *
 * No message disappears from the files before its removal is durable, together with all earlier removals: a
 * message that a limit removed would come back if the newer ones that displaced it had vanished first.
 * A rewritten segment gets a new file name, is complete and durable before it has that name, and names the
 * segments it stands for: a crash at any point leaves the old files or the new one in charge.
 */
export class Compaction {
  private wanted = false;
  private running: Promise<void> | undefined;
  private closed = false;
  /** Once in the life of a process is enough. */
  private readonly triedToRepair = new WeakSet<Segment>();

  constructor(private readonly options: CompactionOptions) {}

  /** Looks for work soon, in the background. */
  consider(): void {
    this.wanted = true;
    if (this.closed || !this.options.enabled) return;
    this.running ??= new Promise((resolve) => {
      setImmediate(() => {
        void this.run().then(() => {
          this.running = undefined;
          resolve();
        });
      });
    });
  }

  /** Resolves when there is nothing to do at the moment. */
  async settle(): Promise<void> {
    while (this.running !== undefined) await this.running;
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
        await this.repairDamaged();
      }
    } catch (error) {
      this.options.logger.warn("Giving disk space back failed; it is tried again later", { error });
    }
  }

  private async removeDead(): Promise<void> {
    const { log, flush } = this.options;
    for (const segment of [...log.segments.values()]) {
      if (!this.isRemovable(segment) || this.closed) continue;
      await flush();
      // Before the removal records for its messages may be dropped, it must be gone for good.
      await log.remove([segment]);
      segment.forget();
      log.segments.delete(segment.number);
    }
  }

  private isRemovable(segment: Segment): boolean {
    const { log } = this.options;
    if (!segment.sealed || !segment.created || segment.damaged || segment.liveCount > 0) return false;
    if (log.before(segment)?.hasTrail === true) return false; // its header tells where that one ends
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

  private async repairDamaged(): Promise<void> {
    for (const segment of [...this.options.log.segments.values()]) {
      if (!segment.damaged || !segment.sealed || !segment.created || this.closed) continue;
      if (this.triedToRepair.has(segment)) continue;
      this.triedToRepair.add(segment);
      try {
        await this.repair(segment);
      } catch (error) {
        const { path: file } = segment;
        this.options.logger.warn("A damaged file could not be written anew; it stays as it is", {
          file,
          error,
        });
      }
    }
  }

  /** Writes a damaged segment anew. What cannot be read is written down as lost before anything else. */
  private async repair(segment: Segment): Promise<void> {
    const { log, lost, logger } = this.options;
    this.options.verifyMessages(segment);
    if (!(await lost.flush())) return;
    const copyPath = `${segment.path}.damaged`;
    await keepCopy(log.options.fileSystem, segment, copyPath);
    await log.options.fileSystem.syncDirectory(log.options.directory);
    if (await this.rewrite([segment])) {
      logger.warn("A damaged file was written anew", { file: segment.path, copy: copyPath });
    }
  }

  /** @returns false when it had to be given up. */
  private async rewrite(run: readonly Segment[]): Promise<boolean> {
    const { log, journal } = this.options;
    const [first] = run;
    const last = run.at(-1);
    if (first === undefined || last === undefined) return false;
    const erasedBefore = journal.eraseCount;
    const target = this.targetFor(first, last);
    const copy = await this.copyLive(run, target);
    if (copy === undefined) return false;
    await this.options.flush();
    try {
      await this.writeFile(target, copy);
    } catch (error) {
      await this.discardFile(target).catch(() => {}); // then the next recovery finds it; it is a good copy as well
      throw error;
    }
    // A message that was erased meanwhile must not survive in the copy.
    if (journal.eraseCount !== erasedBefore) {
      await this.discardFile(target);
      return false;
    }
    this.exchange(run, target, copy);
    log.onSealed(target);
    await log.remove(run);
    return true;
  }

  /** The segment that stands for a run of others. */
  private targetFor(first: Segment, last: Segment): Segment {
    const { log } = this.options;
    const target = new Segment(first.number, first.baseSequence, log.options);
    target.revision = first.revision + 1;
    target.coversTo = last.coversTo;
    target.previousNumber = first.previousNumber;
    target.previousEnd = first.previousEnd;
    const before = first.previousNumber === 0 ? log.before(first) : undefined;
    if (before !== undefined) {
      // The header was damaged. Without these, recovery would take older files for given up.
      target.previousNumber = before.coversTo;
      target.previousEnd = before.committedEnd;
    }
    return target;
  }

  /** @returns undefined when a segment turned out to be damaged that was not known to be. */
  private async copyLive(run: readonly Segment[], target: Segment): Promise<LiveCopy | undefined> {
    const { log, index } = this.options;
    const [oldest] = log.segments.values();
    const { baseSequence } = target;
    const oldestSequence = oldest?.baseSequence ?? baseSequence;
    const copy = new LiveCopy({ codec: log.options.codec, index, oldestSequence, baseSequence });
    for (const segment of run) {
      const wasDamaged = segment.damaged;
      if (!copy.add(segment) && !wasDamaged) {
        log.onStale(segment);
        return undefined;
      }
      await new Promise((resolve) => setImmediate(resolve)); // others go on meanwhile
    }
    return copy;
  }

  private async writeFile(target: Segment, copy: LiveCopy): Promise<void> {
    const { fileSystem, directory, codec } = this.options.log.options;
    const { number, previousNumber, previousEnd, coversTo, baseSequence } = target;
    const { pieces, controlBytes, removals } = copy.finish();
    const header = encodeLogHeader({
      kind: LogKind.segment,
      salt: codec.salt,
      number,
      previousNumber,
      previousEnd,
      coversTo,
      end: copy.end,
      baseSequence,
    });
    const file = await fileSystem.open(`${target.path}.new`);
    try {
      await file.truncate(0);
      await file.write(0, [Buffer.concat([header, ...pieces])]);
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(`${target.path}.new`, target.path);
    await fileSystem.syncDirectory(directory);
    target.committedEnd = copy.end;
    target.stagedEnd = copy.end;
    target.keptBytes = controlBytes;
    target.noteRemovals(removals.floor, removals.runs, removals.lowest);
    target.created = true;
    target.seal();
  }

  private async discardFile(target: Segment): Promise<void> {
    const { fileSystem, directory } = this.options.log.options;
    await fileSystem.remove(`${target.path}.new`);
    await fileSystem.remove(target.path);
    await fileSystem.syncDirectory(directory);
  }

  /** Lets the index point into the new file, in one turn. */
  private exchange(run: readonly Segment[], target: Segment, copy: LiveCopy): void {
    const { log, index } = this.options;
    for (const segment of run) {
      segment.forget();
      if (segment.number === target.number) log.segments.set(target.number, target);
      else log.segments.delete(segment.number);
    }
    for (const { sequence, from, before, after } of copy.moves) {
      const place = index.get(sequence);
      if (place?.segment !== from.number || place.position !== before) continue; // removed meanwhile
      index.relocate(sequence, target.number, after);
      target.retain(place.sizeBytes);
    }
  }
}

/** Keeps the bytes of a damaged segment for whoever wants to look at them. */
async function keepCopy(fileSystem: FileSystem, segment: Segment, path: string): Promise<void> {
  const content = segment.readFile(0, fileSystem.sizeOf(segment.path));
  const file = await fileSystem.open(path);
  try {
    await file.truncate(0);
    await file.write(0, [content]);
    await file.sync();
  } finally {
    await file.close();
  }
}
