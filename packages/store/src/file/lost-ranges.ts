import type { LostRange } from "../message-store.js";

/** Sequences that damage has cost. No two ranges overlap. */
export class LostRanges {
  private ranges: LostRange[] = [];

  /** Adds what of a range is not known yet. @returns false when there is nothing new. */
  add(range: LostRange): boolean {
    const parts = this.ranges.reduce<LostRange[]>(
      (left, { firstSequence, lastSequence }) =>
        left.flatMap((part) => without(part, firstSequence, lastSequence)),
      range.firstSequence <= range.lastSequence ? [range] : [],
    );
    for (const part of parts) this.append(part);
    return parts.length > 0;
  }

  /** These messages are not lost: they were removed before, or are there. */
  subtract(firstSequence: number, lastSequence: number): void {
    this.ranges = this.ranges.flatMap((range) => without(range, firstSequence, lastSequence));
  }

  find(sequence: number): LostRange | undefined {
    return this.ranges.find(
      ({ firstSequence, lastSequence }) => firstSequence <= sequence && sequence <= lastSequence,
    );
  }

  list(): readonly LostRange[] {
    return this.ranges;
  }

  /** Messages that are lost one after the other make one range. */
  private append(range: LostRange): void {
    const last = this.ranges.at(-1);
    if (last?.lastSequence === range.firstSequence - 1) {
      this.ranges[this.ranges.length - 1] = { ...last, lastSequence: range.lastSequence };
    } else this.ranges.push(range);
  }
}

/** What is left of a range. */
function without(range: LostRange, firstSequence: number, lastSequence: number): LostRange[] {
  if (lastSequence < range.firstSequence || firstSequence > range.lastSequence) return [range];
  const parts: LostRange[] = [];
  if (range.firstSequence < firstSequence) parts.push({ ...range, lastSequence: firstSequence - 1 });
  if (range.lastSequence > lastSequence) parts.push({ ...range, firstSequence: lastSequence + 1 });
  return parts;
}
