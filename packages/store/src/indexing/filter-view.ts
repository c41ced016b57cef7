import { subjectMatches } from "@ganglion/protocol";
import type { IndexBlock } from "./index-block.js";
import type { SequenceIndex } from "./sequence-index.js";
import type { SubjectIndex } from "./subject-index.js";

const UNKNOWN = 0;
const MATCHES = 1;
const DIFFERS = 2;

/**
 * Memory of one set of wildcard filters, so that searching for it again is cheap: the verdict on every
 * subject it met, and the full blocks that hold no match.
 */
export class FilterView {
  /** How often it was asked for. */
  uses = 0;
  private verdicts = new Uint8Array(64);
  /** Full blocks without a match; they stay so, as messages only leave them. */
  private readonly barren = new WeakSet<IndexBlock>();

  constructor(private readonly filters: readonly string[]) {}

  /** A subject's number may be given to another subject. */
  forget(subjectId: number): void {
    if (subjectId < this.verdicts.length) this.verdicts[subjectId] = UNKNOWN;
  }

  /** The lowest matching sequence at or after `sequence`. */
  ceil(sequence: number, sequences: SequenceIndex, subjects: SubjectIndex): number | undefined {
    for (const block of sequences.blocksFrom(sequence)) {
      if (this.barren.has(block)) continue;
      const start = block.lowerBound(sequence - block.firstSequence);
      for (let slot = start; slot < block.used; slot++) {
        if (this.matches(block.subjectIdAt(slot), subjects)) return block.sequenceOf(slot);
      }
      if (start === 0 && !sequences.isOpen(block)) this.barren.add(block);
    }
    return undefined;
  }

  /** The highest matching sequence at or before `sequence`. */
  floor(sequence: number, sequences: SequenceIndex, subjects: SubjectIndex): number | undefined {
    for (const block of sequences.blocksUpTo(sequence)) {
      if (this.barren.has(block)) continue;
      const end = Math.min(block.used, block.lowerBound(sequence + 1 - block.firstSequence));
      for (let slot = end - 1; slot >= 0; slot--) {
        if (this.matches(block.subjectIdAt(slot), subjects)) return block.sequenceOf(slot);
      }
      if (end === block.used && !sequences.isOpen(block)) this.barren.add(block);
    }
    return undefined;
  }

  /** How many matching messages are at or after `sequence`. */
  countFrom(sequence: number, sequences: SequenceIndex, subjects: SubjectIndex): number {
    let count = 0;
    for (const block of sequences.blocksFrom(sequence)) {
      if (this.barren.has(block)) continue;
      for (let slot = block.lowerBound(sequence - block.firstSequence); slot < block.used; slot++) {
        if (this.matches(block.subjectIdAt(slot), subjects)) count++;
      }
    }
    return count;
  }

  private matches(subjectId: number, subjects: SubjectIndex): boolean {
    if (subjectId === 0) return false;
    const known = this.verdicts[subjectId] ?? UNKNOWN;
    return known === UNKNOWN ? this.judge(subjectId, subjects) : known === MATCHES;
  }

  private judge(subjectId: number, subjects: SubjectIndex): boolean {
    const subject = subjects.byNumber(subjectId)?.subject;
    if (subject === undefined) return false;
    if (subjectId >= this.verdicts.length) {
      const grown = new Uint8Array(Math.max(subjectId + 1, this.verdicts.length * 2));
      grown.set(this.verdicts);
      this.verdicts = grown;
    }
    const verdict = this.filters.some((filter) => subjectMatches(filter, subject));
    this.verdicts[subjectId] = verdict ? MATCHES : DIFFERS;
    return verdict;
  }
}
