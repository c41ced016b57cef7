import { isGanglionError, pause } from "@ganglion/kernel";
import { type Backoff, backoffMs } from "../delivery/backoff.js";
import { coreError } from "../errors.js";
import type { Operation, Policy } from "./policy.js";

/** Options of {@link retry}. */
export interface RetryPolicyOptions {
  /** Attempts in all, the first included. @default 3 */
  readonly attempts?: number;
  /** Wait before the next attempt; half of it, up to all of it, by chance. @default "exponential(50ms, 2s)" */
  readonly backoff?: Backoff;
  /**
   * Whether to try again after an error. Replaces the default altogether, so it must see to it that nothing that
   * is not idempotent happens twice.
   *
   * @default errors that are retryable, when the endpoint is idempotent or nothing can have happened
   */
  readonly when?: (error: unknown, operation: Operation) => boolean;
}

/** With these errors the method was not started. */
const NOT_STARTED: ReadonlySet<string> = new Set([
  "NO_RESPONDERS",
  "OVERLOADED",
  "RATE_LIMITED",
  "CIRCUIT_OPEN",
]);

/**
 * Tries again after a failure that may pass. All attempts have one idempotency key and one deadline; when the wait
 * would outlast the deadline, the failure is final.
 *
 * @throws GanglionError `INVALID_OPTIONS`, `INVALID_BACKOFF`
 * @example app.client(Orders, { use: [retry({ attempts: 4 })] })
 */
export function retry(options: RetryPolicyOptions = {}): Policy {
  const { attempts = 3, when = mayPass } = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw coreError("INVALID_OPTIONS", `retry: attempts is ${attempts}, must be a whole number from 1`);
  }
  const waitMs = backoffMs(options.backoff ?? "exponential(50ms, 2s)");
  return async (operation, next) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await next();
      } catch (error) {
        if (attempt >= attempts || !when(error, operation)) throw error;
        const delayMs = waitMs(attempt) * (0.5 + Math.random() / 2);
        const leftMs = operation.remainingMs();
        if (leftMs !== undefined && leftMs <= delayMs) throw error;
        await pause(operation.clock, delayMs, operation.signal);
        if (operation.signal?.aborted) throw error;
      }
    }
  };
}

function mayPass(error: unknown, { idempotent }: Operation): boolean {
  if (!isGanglionError(error)) return false;
  if (NOT_STARTED.has(error.code)) return true;
  return idempotent && (error.retryable || error.code === "TIMEOUT");
}
