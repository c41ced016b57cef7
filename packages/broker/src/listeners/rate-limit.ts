import type { Clock } from "@ganglion/kernel";

const SECOND_MS = 1_000;

/** Allows so many events a second. Source: nats-server rate_counter.go. */
export class RateLimit {
  private count = 0;
  private endMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly limit: number,
    private readonly clock: Clock,
  ) {}

  /** Counts an event, if it may happen now. */
  allow(): boolean {
    const nowMs = this.clock.monotonicMs();
    if (nowMs >= this.endMs) {
      this.count = 0;
      this.endMs = nowMs + SECOND_MS;
    }
    if (this.count >= this.limit) return false;
    this.count++;
    return true;
  }
}
