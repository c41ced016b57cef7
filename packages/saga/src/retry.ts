import { type Backoff, type BackoffMs, backoffMs } from "@ganglion/core/internal";
import { sagaError } from "./errors.js";

/** How often and when a step or a compensation is tried again. */
export interface StepRetry {
  /** Attempts in all, the first included; an integer from 1. */
  readonly attempts: number;
  /** The wait before the next attempt, such as `"2s"` or `"exponential(200ms, 5s)"`. @default "exponential(200ms, 5s)" */
  readonly backoff?: Backoff;
}

/** Resolved {@link StepRetry}. */
export interface RetryPolicy {
  readonly attempts: number;
  /** Milliseconds to wait after that many attempts, from 1. */
  readonly delayMs: BackoffMs;
}

/**
 * Reads retry options.
 *
 * @param name - what they are for; it appears in the error.
 * @throws GanglionError `SAGA_INVALID_DEFINITION`, `INVALID_BACKOFF`, `INVALID_DURATION`
 */
export function resolveRetry(
  { attempts, backoff = "exponential(200ms, 5s)" }: StepRetry,
  name: string,
): RetryPolicy {
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw sagaError("SAGA_INVALID_DEFINITION", `${name}: attempts ${attempts} must be an integer ≥ 1`);
  }
  return { attempts, delayMs: backoffMs(backoff) };
}
