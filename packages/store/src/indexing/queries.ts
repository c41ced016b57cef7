import type { LostRange, PurgeOptions, StateOptions, StoreState } from "../message-store.js";
import type { MessageIndex } from "./message-index.js";

/** Builds the answer to {@link MessageStore.state}. */
export function storeState(
  index: MessageIndex,
  lost: readonly LostRange[],
  options: StateOptions = {},
): StoreState {
  const { firstSequence, lastSequence, count } = index;
  return {
    messages: count,
    bytes: index.bytes,
    firstSequence,
    firstTimestampUs: index.firstTimestampUs,
    lastSequence,
    lastTimestampUs: index.lastTimestampUs,
    deletedCount: lastSequence - firstSequence + 1 - count,
    deleted: gaps(index, options.maxDeleted ?? 0),
    subjectCount: index.subjectCount,
    lost,
  };
}

/** Names the lowest sequences between first and last that hold no message. */
function gaps(index: MessageIndex, maxCount: number): number[] {
  const found: number[] = [];
  let sequence = index.firstSequence;
  while (found.length < maxCount && sequence <= index.lastSequence) {
    const present = index.ceil(sequence) ?? index.lastSequence + 1;
    while (sequence < present && found.length < maxCount) found.push(sequence++);
    sequence = present + 1;
  }
  return found;
}

/** Carries out a purge: calls `discard` for every message it takes. @returns how many. */
export function purge(
  index: MessageIndex,
  options: PurgeOptions,
  discard: (sequence: number) => void,
): number {
  const { filter = ">", beforeSequence, keep = 0 } = options;
  const filters = [filter];
  const highest = Math.min(index.lastSequence, (beforeSequence ?? Number.MAX_SAFE_INTEGER) - 1);
  const before = index.countFrom(index.firstSequence, filters) - index.countFrom(highest + 1, filters);
  const matching = index.countFrom(index.firstSequence, filters);
  const most = Math.min(before, Math.max(0, matching - keep));
  let taken = 0;
  let sequence = index.ceil(index.firstSequence, filters);
  while (taken < most && sequence !== undefined && sequence <= highest) {
    discard(sequence);
    taken++;
    sequence = index.ceil(sequence + 1, filters);
  }
  const isPlain = filter === ">" && keep === 0;
  if (isPlain && beforeSequence !== undefined) index.skipTo(beforeSequence - 1);
  return taken;
}
