import type { StoredMessage } from "@ganglion/core/internal";
import type { Clock } from "@ganglion/kernel";

/** How fast events are replayed: as fast as possible, with their original gaps in time, or that many times faster. */
export type ReplaySpeed = "max" | "original" | number;

/** Says when an event's turn is. */
export class Pace {
  private readonly factor: number;
  private firstEventMs: number | undefined;
  private startedMs = 0;

  constructor(
    speed: ReplaySpeed,
    private readonly clock: Clock,
  ) {
    this.factor = speed === "max" ? Number.POSITIVE_INFINITY : speed === "original" ? 1 : speed;
  }

  /** How many of `messages` are due now. */
  due(messages: readonly StoredMessage[]): number {
    if (this.factor === Number.POSITIVE_INFINITY) return messages.length;
    const waiting = messages.findIndex((message) => this.waitMs(message) > 0);
    return waiting === -1 ? messages.length : waiting;
  }

  /** Milliseconds until an event's turn. */
  waitMs(message: StoredMessage): number {
    const nowMs = this.clock.monotonicMs();
    if (this.firstEventMs === undefined) {
      this.firstEventMs = message.timestampMs;
      this.startedMs = nowMs;
    }
    return (message.timestampMs - this.firstEventMs) / this.factor - (nowMs - this.startedMs);
  }
}
