import type { LostRange } from "../message-store.js";

/** Sequences that damage may have cost, while recovery learns which of them were removed anyway. */
export class LostRanges {
  private ranges: LostRange[] = [];

  add(firstSequence: number, lastSequence: number, where: string): void {
    if (firstSequence <= lastSequence) this.ranges.push({ firstSequence, lastSequence, where });
  }

  /** These messages were removed before: they are not lost. */
  subtract(firstSequence: number, lastSequence: number): void {
    this.ranges = this.ranges.flatMap((range) => {
      if (lastSequence < range.firstSequence || firstSequence > range.lastSequence) return [range];
      const parts: LostRange[] = [];
      if (range.firstSequence < firstSequence) parts.push({ ...range, lastSequence: firstSequence - 1 });
      if (range.lastSequence > lastSequence) parts.push({ ...range, firstSequence: lastSequence + 1 });
      return parts;
    });
  }

  list(): LostRange[] {
    return this.ranges;
  }
}
