import type { Clock, Timer } from "./clock.js";

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test advances it. Timers fire in order of their due time. */
export class VirtualClock implements Clock {
  private readonly pending = new Set<PendingTimer>();
  private elapsedMs = 0;
  private order = 0;

  /** @param startMs - the wall clock at the start, in milliseconds since 1970-01-01 UTC. */
  constructor(private startMs = Date.UTC(2026, 0, 1)) {}

  nowMs(): number {
    return this.startMs + Math.floor(this.elapsedMs);
  }

  nowUs(): number {
    return Math.floor((this.startMs + this.elapsedMs) * 1000);
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer = { dueMs: this.elapsedMs + Math.max(0, delayMs), order: this.order++, callback };
    this.pending.add(timer);
    return { cancel: () => void this.pending.delete(timer) };
  }

  /** How many timers wait. */
  get timerCount(): number {
    return this.pending.size;
  }

  /** Moves time forward by `durationMs`, firing every timer that falls due on the way, at its own time. */
  advance(durationMs: number): void {
    const untilMs = this.elapsedMs + durationMs;
    for (let next = this.earliest(untilMs); next !== undefined; next = this.earliest(untilMs)) {
      this.pending.delete(next);
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      next.callback();
    }
    this.elapsedMs = untilMs;
  }

  /** Advances in steps and lets promises settle between the timers. */
  async advanceAsync(durationMs: number): Promise<void> {
    const untilMs = this.elapsedMs + durationMs;
    await settle();
    for (let next = this.earliest(untilMs); next !== undefined; next = this.earliest(untilMs)) {
      this.advance(next.dueMs - this.elapsedMs);
      await settle();
    }
    this.elapsedMs = untilMs;
    await settle();
  }

  /** Moves the wall clock alone, as an administrator or NTP would; durations are not affected. */
  jump(offsetMs: number): void {
    this.startMs += offsetMs;
  }

  private earliest(untilMs: number): PendingTimer | undefined {
    let found: PendingTimer | undefined;
    for (const timer of this.pending) {
      if (timer.dueMs > untilMs) continue;
      if (found === undefined || timer.dueMs < found.dueMs) found = timer;
      else if (timer.dueMs === found.dueMs && timer.order < found.order) found = timer;
    }
    return found;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
