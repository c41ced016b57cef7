import { type Duration, durationMs, GanglionError } from "@ganglion/kernel";

/** How often and when something is tried again. */
export interface RetryOptions {
  /** Attempts in all, the first included; from 1. */
  readonly attempts: number;
  /** The wait before a further attempt: `"exponential(<first>, <longest>)"` or a fixed duration. @default "exponential(200ms, 5s)" */
  readonly backoff?: string | number;
}

/** Resolved {@link RetryOptions}. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Milliseconds to wait after `attempt` attempts (from 1) have failed. */
  delayMs(attempt: number): number;
}

export function resolveRetry(options: RetryOptions, name: string): RetryPolicy {
  const { attempts } = options;
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new GanglionError(
      "SAGA_INVALID_DEFINITION",
      `${name}: attempts ${attempts} must be an integer ≥ 1`,
    );
  }
  const match = /^exponential\((\S+), *(\S+)\)$/.exec(String(options.backoff ?? "exponential(200ms, 5s)"));
  if (match === null) {
    const fixedMs = durationMs(options.backoff as Duration, `backoff of ${name}`);
    return { attempts, delayMs: () => fixedMs };
  }
  const firstMs = durationMs(match[1] as Duration, `backoff of ${name}`);
  const longestMs = durationMs(match[2] as Duration, `backoff of ${name}`);
  return { attempts, delayMs: (attempt) => Math.min(firstMs * 2 ** (attempt - 1), longestMs) };
}
