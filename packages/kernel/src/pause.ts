import type { Clock } from "./clock.js";

/**
 * Resolves after `delayMs`, or as soon as `signal` is aborted: look at the signal afterwards.
 *
 * @param delayMs - milliseconds, any non-negative number.
 */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.schedule(delayMs, done);
    signal?.addEventListener("abort", done);
  });
}
