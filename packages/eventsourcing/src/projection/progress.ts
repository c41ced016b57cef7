import type { Checkpoint } from "./read-model.js";

/** How far a rebuild has come. */
export interface RebuildProgress {
  /** Events handled since this process began (a resumed rebuild starts from 0). */
  readonly events: number;
  readonly eventsPerSecond: number;
  /** 0 to 100, by position in the streams. */
  readonly percent: number;
  /** Milliseconds until it has caught up, at the speed so far; `undefined` while that is unknown. */
  readonly etaMs: number | undefined;
  /** Last sequence handled, by stream. */
  readonly positions: Checkpoint;
}

/** Stretch of one stream that is to be replayed: behind `from`, up to `to`. */
export interface Stretch {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
}

/** What has been measured so far. */
export interface Measured {
  readonly positions: Checkpoint;
  readonly events: number;
  readonly elapsedMs: number;
}

/** Reckons the progress of a rebuild. */
export function progressOf(stretches: readonly Stretch[], measured: Measured): RebuildProgress {
  const { positions, events, elapsedMs } = measured;
  let total = 0;
  let done = 0;
  for (const { stream, from, to } of stretches) {
    const length = Math.max(0, to - from);
    total += length;
    done += Math.min(length, Math.max(0, (positions[stream] ?? from) - from));
  }
  const seconds = elapsedMs / 1_000;
  const rate = seconds > 0 ? done / seconds : 0;
  return {
    events,
    eventsPerSecond: seconds > 0 ? events / seconds : 0,
    percent: total === 0 ? 100 : (100 * done) / total,
    etaMs: total === done ? 0 : rate > 0 ? ((total - done) / rate) * 1_000 : undefined,
    positions,
  };
}
