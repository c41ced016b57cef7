import { hasWildcard } from "@ganglion/protocol";
import type { SubjectState } from "../message-store.js";
import { FilterView } from "./filter-view.js";
import type { IndexBlock, IndexEntry } from "./index-block.js";
import { SequenceIndex } from "./sequence-index.js";
import { type SubjectEntry, SubjectIndex } from "./subject-index.js";

/** Filter sets whose {@link FilterView} is kept, the most recently used ones. */
const MAX_VIEWS = 128;
/** Steps in the subjects' tree after which a filter counts as not selective. */
const SELECTIVE_WALK_NODES = 64;
/** How often filters that are not selective are used before that is looked at again. */
const USES_BETWEEN_WALKS = 256;

/** A message without its bytes. */
export interface IndexedMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly timestampUs: number;
  readonly sizeBytes: number;
  readonly hasHeaders: boolean;
  readonly segment: number;
  readonly position: number;
}

/** An {@link IndexEntry} that names its subject. */
export type NewIndexEntry = Omit<IndexEntry, "subjectId"> & { readonly subject: string };

/**
 * Everything a stream knows of its messages beside their bytes: order, subjects, sizes, times. Both engines
 * answer all questions from it. Messages above the durable sequence are in it, but counted apart (staged).
 */
export class MessageIndex {
  private readonly sequences = new SequenceIndex();
  private readonly subjectIndex = new SubjectIndex();
  private readonly views = new Map<string, FilterView>();
  bytes = 0;
  lastSequence: number;
  lastTimestampUs = 0;
  durableSequence: number;
  stagedCount = 0;
  stagedBytes = 0;
  private oldest: number | undefined;

  constructor(initialSequence: number) {
    this.lastSequence = initialSequence - 1;
    this.durableSequence = this.lastSequence;
  }

  get count(): number {
    return this.sequences.count;
  }

  get subjectCount(): number {
    return this.subjectIndex.size;
  }

  /** Sequence of the oldest message, or `lastSequence + 1`. */
  get firstSequence(): number {
    return this.oldest ?? this.lastSequence + 1;
  }

  /** Time of the oldest message; 0 when there is none. */
  get firstTimestampUs(): number {
    if (this.oldest === undefined) return 0;
    const block = this.sequences.blockOf(this.oldest);
    return block?.timestampUsAt(block.slotOf(this.oldest)) ?? 0;
  }

  /** @param sequence - above `lastSequence`. */
  append(sequence: number, entry: NewIndexEntry): void {
    this.add(sequence, entry).stagedCount++;
    this.stagedBytes += entry.sizeBytes;
    this.stagedCount++;
  }

  /** Adds a message that recovery found: it is durable, and so is everything before. */
  restore(sequence: number, entry: NewIndexEntry): void {
    this.add(sequence, entry);
    this.durableSequence = sequence;
  }

  /** Counts everything up to `sequence` as durable. `each` is told the subject of every message this concerns. */
  markDurable(sequence: number, each?: (subject: SubjectEntry) => void): void {
    for (let next = this.sequences.ceil(this.durableSequence + 1); next !== undefined && next <= sequence; ) {
      const block = this.sequences.blockOf(next);
      const slot = block?.slotOf(next) ?? -1;
      const subject = this.subjectIndex.byNumber(block?.subjectIdAt(slot) ?? 0);
      this.stagedCount--;
      this.stagedBytes -= block?.sizeBytesAt(slot) ?? 0;
      this.durableSequence = next;
      if (subject !== undefined) {
        subject.stagedCount--;
        each?.(subject);
      }
      next = this.sequences.ceil(next + 1);
    }
    this.durableSequence = Math.max(this.durableSequence, sequence);
  }

  get(sequence: number): IndexedMessage | undefined {
    const block = this.sequences.blockOf(sequence);
    const slot = block?.slotOf(sequence) ?? -1;
    if (block === undefined || slot < 0) return undefined;
    return {
      sequence,
      subject: this.subjectIndex.byNumber(block.subjectIdAt(slot))?.subject ?? "",
      timestampUs: block.timestampUsAt(slot),
      sizeBytes: block.sizeBytesAt(slot),
      hasHeaders: block.hasHeadersAt(slot),
      segment: block.segmentAt(slot),
      position: block.positionAt(slot),
    };
  }

  /** @returns what was removed; undefined when there was nothing. */
  remove(sequence: number): IndexedMessage | undefined {
    const message = this.get(sequence);
    if (message === undefined) return undefined;
    const subject = this.subjectIndex.get(message.subject);
    this.sequences.remove(sequence);
    this.bytes -= message.sizeBytes;
    const staged = sequence > this.durableSequence;
    if (staged) {
      this.stagedCount--;
      this.stagedBytes -= message.sizeBytes;
    }
    if (subject !== undefined) this.removeFromSubject(subject, sequence, staged);
    if (sequence === this.oldest) this.oldest = this.sequences.ceil(sequence + 1);
    return message;
  }

  /** Moves `lastSequence` up without a message. */
  skipTo(lastSequence: number): void {
    if (this.durableSequence === this.lastSequence)
      this.durableSequence = Math.max(lastSequence, this.lastSequence);
    this.lastSequence = Math.max(this.lastSequence, lastSequence);
  }

  /** Takes back everything above the durable sequence. `each` is told what left. */
  rollback(each: (message: IndexedMessage) => void): void {
    const from = this.durableSequence + 1;
    for (let next = this.sequences.ceil(from); next !== undefined; next = this.sequences.ceil(from)) {
      const message = this.remove(next);
      if (message !== undefined) each(message);
    }
  }

  /** The lowest sequence at or after `sequence` whose message has headers. */
  ceilWithHeaders(sequence: number): number | undefined {
    for (const block of this.sequences.blocksFrom(sequence)) {
      for (let slot = block.lowerBound(sequence - block.firstSequence); slot < block.used; slot++) {
        if (block.hasHeadersAt(slot) && block.subjectIdAt(slot) !== 0) return block.sequenceOf(slot);
      }
    }
    return undefined;
  }

  /** Shows every message whose record is in `segment`, in order. @param fromSequence - none of them is below. */
  visitSegment(
    segment: number,
    fromSequence: number,
    visit: (block: IndexBlock, slot: number, subject: string) => void,
  ): void {
    for (const block of this.sequences.blocksFrom(fromSequence)) {
      for (let slot = block.lowerBound(fromSequence - block.firstSequence); slot < block.used; slot++) {
        const subjectId = block.subjectIdAt(slot);
        if (subjectId === 0) continue;
        const found = block.segmentAt(slot);
        if (found > segment) return; // the segments' numbers rise with the sequences
        if (found === segment) visit(block, slot, this.subjectIndex.byNumber(subjectId)?.subject ?? "");
      }
    }
  }

  /** Every subject's entry. Entries may be removed on the way. */
  subjectEntries(): Iterable<SubjectEntry> {
    return this.subjectIndex.matching(">");
  }

  /** The record of a message was copied to another place. */
  relocate(sequence: number, segment: number, position: number): void {
    const block = this.sequences.blockOf(sequence);
    const slot = block?.slotOf(sequence) ?? -1;
    if (slot >= 0) block?.relocate(slot, segment, position);
  }

  /** The lowest sequence at or after `sequence` that matches one of `filters` (none: all). */
  ceil(sequence: number, filters: readonly string[] = []): number | undefined {
    if (isUnfiltered(filters)) return this.sequences.ceil(sequence);
    const few = this.selected(filters);
    if (few === undefined) return this.view(filters).ceil(sequence, this.sequences, this.subjectIndex);
    let lowest: number | undefined;
    for (const entry of few) {
      const found = entry.ceil(sequence);
      if (found !== undefined && (lowest === undefined || found < lowest)) lowest = found;
    }
    return lowest;
  }

  /** The highest sequence at or before `sequence` that matches `filter`. */
  floor(sequence: number, filter: string): number | undefined {
    if (filter === ">") return this.sequences.floor(sequence);
    const few = this.selected([filter]);
    if (few === undefined) return this.view([filter]).floor(sequence, this.sequences, this.subjectIndex);
    let highest: number | undefined;
    for (const entry of few) {
      const found = entry.floor(sequence);
      if (found !== undefined && (highest === undefined || found > highest)) highest = found;
    }
    return highest;
  }

  /** How many messages at or after `sequence` match one of `filters` (none: all). */
  countFrom(sequence: number, filters: readonly string[] = []): number {
    if (isUnfiltered(filters)) return this.sequences.countFrom(sequence);
    const few = this.selected(filters);
    if (few === undefined) return this.view(filters).countFrom(sequence, this.sequences, this.subjectIndex);
    let count = 0;
    for (const entry of few) count += entry.countFrom(sequence);
    return count;
  }

  /** The lowest sequence stored at or after `timestampUs`; `lastSequence + 1` if none. */
  sequenceAt(timestampUs: number): number {
    return this.sequences.sequenceAt(timestampUs) ?? this.lastSequence + 1;
  }

  *subjects(filter: string): Generator<SubjectState> {
    for (const { subject, count, firstSequence, lastSequence } of this.subjectIndex.matching(filter)) {
      yield { subject, count, firstSequence, lastSequence };
    }
  }

  private add(sequence: number, entry: NewIndexEntry): SubjectEntry {
    const subject = this.subjectIndex.getOrAdd(entry.subject);
    subject.add(sequence);
    const { timestampUs, sizeBytes, hasHeaders, segment, position } = entry;
    const { id: subjectId } = subject;
    this.sequences.put(sequence, { timestampUs, subjectId, sizeBytes, hasHeaders, segment, position });
    this.bytes += sizeBytes;
    this.lastSequence = sequence;
    this.lastTimestampUs = timestampUs;
    this.oldest ??= sequence;
    return subject;
  }

  private removeFromSubject(subject: SubjectEntry, sequence: number, staged: boolean): void {
    subject.remove(sequence);
    if (staged) subject.stagedCount--;
    if (subject.count > 0) return;
    this.subjectIndex.release(subject);
    for (const view of this.views.values()) view.forget(subject.id);
  }

  /** The subjects `filters` select, when they are literal or match few subjects. */
  private selected(filters: readonly string[]): Iterable<SubjectEntry> | undefined {
    const [only] = filters;
    if (filters.length === 1 && only !== undefined && !hasWildcard(only))
      return this.subjectIndex.matching(only);
    // Filters that were not selective a moment ago are not looked at again each time.
    const view = this.views.get(viewKey(filters));
    if (view !== undefined && ++view.uses % USES_BETWEEN_WALKS !== 0) return undefined;
    return this.subjectIndex.fewMatching(filters, SELECTIVE_WALK_NODES);
  }

  private view(filters: readonly string[]): FilterView {
    const key = viewKey(filters);
    const view = this.views.get(key) ?? new FilterView([...filters]);
    this.views.delete(key);
    this.views.set(key, view);
    if (this.views.size > MAX_VIEWS) {
      const [oldest] = this.views.keys();
      if (oldest !== undefined) this.views.delete(oldest);
    }
    return view;
  }
}

function viewKey(filters: readonly string[]): string {
  return filters.length === 1 ? (filters[0] ?? "") : filters.join("\n");
}

function isUnfiltered(filters: readonly string[]): boolean {
  return filters.length === 0 || filters.includes(">");
}
