import type { Clock } from "@ganglion/kernel";

/** What is on its way should be settled within this time: a window that is longer only hides slow methods. */
const SETTLED_WITHIN_MS = 50;
/** Messages over which the pace is taken. */
const SAMPLE = 64;

/**
 * How many messages of a consumer may be on their way. Messages that are settled fast get a wide window, so that the
 * server never waits for a request; slow ones a narrow one, so that another process can take what this one has no
 * time for.
 */
export class PullWindow {
  /** Messages on their way, at most. */
  size: number;
  private sinceMs: number;
  private settledCount = 0;

  /** @param limits - the narrowest and the widest window; with equal limits it never changes. */
  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly least: number; readonly most: number },
  ) {
    this.size = limits.least;
    this.sinceMs = clock.monotonicMs();
  }

  /** A message was settled. */
  settled(): void {
    if (++this.settledCount < SAMPLE) return;
    const nowMs = this.clock.monotonicMs();
    const paceMs = (nowMs - this.sinceMs) / this.settledCount;
    const { least, most } = this.limits;
    this.size = Math.max(least, Math.min(most, Math.floor(SETTLED_WITHIN_MS / paceMs)));
    this.sinceMs = nowMs;
    this.settledCount = 0;
  }
}
