/** A timer that can be taken back. Cancelling a fired or cancelled timer does nothing. */
export interface Timer {
  cancel(): void;
}

/** The only source of time in Ganglion, so that tests can drive it. */
export interface Clock {
  /** Wall clock in milliseconds since 1970-01-01 UTC. May jump in either direction. */
  nowMs(): number;
  /** Wall clock in whole microseconds since 1970-01-01 UTC: exact in a double until the year 2255. */
  nowUs(): number;
  /** Milliseconds from an arbitrary origin that never go back; use them for every duration. */
  monotonicMs(): number;
  /**
   * Calls `callback` once after `delayMs`. The timer does not keep the process alive.
   *
   * @param delayMs - milliseconds, any non-negative number; more than 2^31 - 1 is allowed.
   */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** Longest delay Node's timers take; a longer one is waited in pieces. */
const MAX_NODE_DELAY_MS = 2_147_483_647;

class NodeTimer implements Timer {
  private handle: NodeJS.Timeout | undefined;

  constructor(delayMs: number, callback: () => void) {
    this.arm(delayMs, callback);
  }

  private arm(delayMs: number, callback: () => void): void {
    const stepMs = Math.min(Math.max(0, delayMs), MAX_NODE_DELAY_MS);
    this.handle = setTimeout(() => {
      if (delayMs > stepMs) this.arm(delayMs - stepMs, callback);
      else callback();
    }, stepMs);
    this.handle.unref();
  }

  cancel(): void {
    clearTimeout(this.handle);
  }
}

/** The real clock of this process. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowUs: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
  schedule: (delayMs, callback) => new NodeTimer(delayMs, callback),
};
