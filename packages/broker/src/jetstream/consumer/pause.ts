import type { Clock, Timer } from "@ganglion/kernel";
import { type ConsumerConfig, parseTimestamp, ZERO_TIMESTAMP } from "@ganglion/protocol";

const NEVER_US = parseTimestamp(ZERO_TIMESTAMP) ?? 0;

/** Until when a consumer is paused, microseconds since 1970; undefined: it has no pause. */
export function pauseUntilUs({ pause_until: until }: ConsumerConfig): number | undefined {
  const untilUs = until === undefined ? undefined : parseTimestamp(until);
  return untilUs === NEVER_US ? undefined : untilUs;
}

/**
 * Holds a consumer back until the time its configuration names.
 *
 * Source: nats-server consumer.go `updatePauseState`.
 */
export class Pause {
  private untilUs: number | undefined;
  private timer: Timer | undefined;

  /** @param ended - called when the time has come; not when the pause is taken back. */
  constructor(
    private readonly clock: Clock,
    private readonly ended: () => void,
  ) {}

  get isActive(): boolean {
    return this.remainingUs > 0;
  }

  /** Microseconds; 0: not paused. */
  get remainingUs(): number {
    return this.untilUs === undefined ? 0 : Math.max(0, this.untilUs - this.clock.nowUs());
  }

  /** Takes the time of `config`. @returns whether it is another one. */
  update(config: ConsumerConfig): boolean {
    const untilUs = pauseUntilUs(config);
    const changed = untilUs !== this.untilUs;
    this.untilUs = untilUs;
    this.arm();
    return changed;
  }

  stop(): void {
    this.timer?.cancel();
  }

  private arm(): void {
    this.timer?.cancel();
    if (!this.isActive) return;
    this.timer = this.clock.schedule(this.remainingUs / 1000, () => {
      // The wall clock may have been set back meanwhile.
      if (this.isActive) this.arm();
      else this.ended();
    });
  }
}
