import type { Logger } from "@ganglion/kernel";
import type { MessageIndex } from "../indexing/message-index.js";
import type { Retention } from "../indexing/retention.js";
import type { MessageStoreListener, NewMessage } from "../message-store.js";
import type { CommittedLog, TakenGroup } from "./group-commit.js";
import { RECORD_HEADER_BYTES, RecordKind } from "./record-codec.js";
import type { Segment } from "./segment.js";
import {
  controlRecord,
  type LoggedMessage,
  type RecordPlace,
  type SegmentLog,
  type StagedGroup,
} from "./segment-log.js";

/** Removals noted in memory before they are written even though nobody asked for it. */
const MAX_NOTED_REMOVALS = 4096;

/** A record whose bytes are to be overwritten. */
interface Erasure {
  readonly segment: Segment;
  readonly position: number;
  readonly sizeBytes: number;
}

/** Removals in a record that is not durable yet. */
interface StagedRemovals {
  readonly place: RecordPlace;
  readonly sequences: readonly number[];
  readonly floor: number;
  /** To be carried out when the record is durable. */
  readonly erasures: Erasure[];
}

/** What a {@link MessageJournal} works with. */
export interface MessageJournalOptions {
  readonly logger: Logger;
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly retention: Retention;
  readonly listener: MessageStoreListener;
}

/**
 * Brings messages and removals into the segment log, and back out of the index when a write fails.
 *
 * A removal somebody asked for is written at once. Removals by limits are written with the next group:
 * if they are lost in a crash, the limits remove the same messages again.
 */
export class MessageJournal implements CommittedLog {
  /** Removed sequences above the floor that no written record names yet. */
  private removals: number[] = [];
  private stagedRemovals: StagedRemovals[] = [];
  private erasures: Erasure[] = [];
  /** Everything below is removed, as far as the log will know. */
  private floor: number;
  private durableFloor: number;
  private urgent = false;
  /** Counts calls of {@link erase}. */
  eraseCount = 0;

  /** @param options - the floor that the log knows is the first sequence of the index. */
  constructor(private readonly options: MessageJournalOptions) {
    this.floor = options.index.firstSequence;
    this.durableFloor = this.floor;
  }

  get stagedGroups(): number {
    const { stagedGroups } = this.options.log;
    const isDue = this.urgent || this.removals.length > MAX_NOTED_REMOVALS;
    // Their record may go to the group that is open or need a segment of its own.
    return isDue ? stagedGroups + 1 : stagedGroups;
  }

  /** @throws GanglionError `RECORD_TOO_LARGE`. */
  stage(message: LoggedMessage, sequence: number, subjectSizeBytes: number): RecordPlace {
    return this.options.log.stageMessage(message, sequence, subjectSizeBytes);
  }

  /** Makes room for messages that are staged next, as one. @throws GanglionError `RECORD_TOO_LARGE`. */
  prepareBatch(messages: readonly NewMessage[], firstSequence: number): void {
    this.options.log.prepareBatch(messages, firstSequence);
  }

  /** Notes that a message left the index. */
  noteRemoved(sequence: number): void {
    if (sequence > this.options.index.firstSequence) this.removals.push(sequence);
  }

  /** Lets the bytes of a record that was removed be overwritten once the removal is written. */
  erase(place: RecordPlace, sizeBytes: number): void {
    this.eraseCount++;
    const segment = this.options.log.segments.get(place.segment);
    if (segment !== undefined) this.erasures.push({ segment, position: place.position, sizeBytes });
  }

  /** Has what was noted written with the next group, which is to come soon. */
  hurry(): void {
    const { firstSequence } = this.options.index;
    this.urgent ||= this.removals.length > 0 || this.erasures.length > 0 || firstSequence > this.floor;
  }

  take(): TakenGroup | undefined {
    const { log, index, retention, listener } = this.options;
    if (this.stagedGroups === 0) return undefined;
    this.urgent = false;
    this.stageRemovals();
    const group = log.take(index.lastSequence);
    if (group === undefined) return undefined;
    return {
      write: async (sync) => {
        await log.write(group, sync);
        for (const removals of this.stagedRemovals) {
          if (!isWithin(removals, group)) break;
          for (const erasure of removals.erasures.splice(0)) await this.overwrite(erasure);
        }
      },
      committed: () => {
        log.committed(group);
        this.settleRemovals(group);
        retention.advance(group.lastSequence);
        listener.durable(group.lastSequence);
      },
    };
  }

  sync(): Promise<void> {
    return this.options.log.sync();
  }

  abandon(error: unknown): Promise<void> {
    const { index, log, listener } = this.options;
    const fromSequence = index.durableSequence + 1;
    index.rollback(({ segment, sizeBytes }) => log.segments.get(segment)?.release(sizeBytes));
    const staged = this.stagedRemovals.splice(0);
    this.removals = [...staged.flatMap(({ sequences }) => sequences), ...this.removals];
    this.erasures = [...staged.flatMap(({ erasures }) => erasures), ...this.erasures];
    this.floor = this.durableFloor;
    const closed = log.abandon();
    listener.failed(error, fromSequence);
    return closed;
  }

  async resume(): Promise<void> {
    await this.options.log.resume(this.options.index.lastSequence + 1);
    this.hurry();
  }

  private stageRemovals(): void {
    const { index, log } = this.options;
    const floor = index.firstSequence;
    const sequences = this.removals
      .filter((sequence) => sequence >= floor)
      .sort((left, right) => left - right);
    this.removals = [];
    if (sequences.length === 0 && floor <= this.floor) return;
    const place = log.stageRemovals(floor, sequences, index.lastSequence);
    this.stagedRemovals.push({ place, sequences, floor, erasures: this.erasures.splice(0) });
    this.floor = floor;
  }

  private settleRemovals({ segment, end }: StagedGroup): void {
    for (let [oldest] = this.stagedRemovals; oldest !== undefined; [oldest] = this.stagedRemovals) {
      const { place, floor } = oldest;
      if (place.segment > segment.number || (place.segment === segment.number && place.position >= end))
        return;
      this.durableFloor = floor;
      this.stagedRemovals.shift();
    }
  }

  private async overwrite(erasure: Erasure): Promise<void> {
    try {
      await this.eraseRecord(erasure);
    } catch (error) {
      this.options.logger.error("Erasing a message failed; it is tried again", { error });
      this.erasures.push(erasure);
    }
  }

  /** Puts an erased record of the same size in the place of a message. */
  private async eraseRecord({ segment, position, sizeBytes }: Erasure): Promise<void> {
    const { log } = this.options;
    if (log.segments.get(segment.number) !== segment) return; // rewritten without the record
    const record = log.options.codec.decode(segment.bytesAt(position, sizeBytes), 0);
    if (record?.kind !== RecordKind.message) return;
    const bytes = Buffer.alloc(record.end);
    const erased = controlRecord(
      RecordKind.erased,
      record.sequence,
      Buffer.alloc(record.end - RECORD_HEADER_BYTES),
    );
    log.options.codec.encode(bytes, 0, erased);
    const file = await log.options.fileSystem.open(segment.path);
    try {
      await file.write(position, [bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
    segment.overwriteCached(position, bytes);
    if (segment.sealed) log.onStale(segment);
  }
}

/** Whether a record of removals is durable once `group` is. */
function isWithin({ place }: StagedRemovals, { segment, end }: StagedGroup): boolean {
  return place.segment < segment.number || (place.segment === segment.number && place.position < end);
}
