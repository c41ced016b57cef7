/** A token bucket that paces deliveries by their bytes. Pure; times are of a monotonic clock. */
export class RateLimit {
  private tokensBytes: number;
  private updatedMs: number;

  /** @param burstBytes - what may go out at once, such as the largest message. */
  constructor(
    private readonly bytesPerSecond: number,
    private readonly burstBytes: number,
    nowMs: number,
  ) {
    this.tokensBytes = burstBytes;
    this.updatedMs = nowMs;
  }

  /** How long the next delivery has to wait, in milliseconds. */
  delayMs(nowMs: number): number {
    this.refill(nowMs);
    return this.tokensBytes >= 0 ? 0 : (-this.tokensBytes / this.bytesPerSecond) * 1000;
  }

  /** Counts a delivery. It may take the bucket below zero: the next one waits for it. */
  take(sizeBytes: number, nowMs: number): void {
    this.refill(nowMs);
    this.tokensBytes -= sizeBytes;
  }

  private refill(nowMs: number): void {
    const gained = ((nowMs - this.updatedMs) / 1000) * this.bytesPerSecond;
    this.tokensBytes = Math.min(this.burstBytes, this.tokensBytes + gained);
    this.updatedMs = nowMs;
  }
}
