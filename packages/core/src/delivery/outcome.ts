import { type Duration, durationMs, GanglionError, isGanglionError } from "@ganglion/kernel";
import type { RetryOptions } from "../decorators/delivery-options.js";
import { type BackoffMs, backoffMs } from "./backoff.js";

/** What becomes of a message whose method failed. */
export type Outcome =
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "reject" }
  | { readonly kind: "dead" };

type VerdictCode = "DELIVERY_RETRY" | "DELIVERY_REJECTED" | "DELIVERY_DEAD";

/** A method's own word on what shall become of its message. */
export class Verdict extends GanglionError<VerdictCode> {
  /** Wait before the next delivery; undefined: the backoff. */
  readonly afterMs: number | undefined;

  constructor(
    code: VerdictCode,
    reason: string,
    options: { readonly after?: Duration | undefined; readonly cause?: unknown } = {},
  ) {
    super(code, reason, { cause: options.cause, retryable: code === "DELIVERY_RETRY" });
    this.afterMs = options.after === undefined ? undefined : durationMs(options.after, "after");
  }
}

/** How failed messages of one method are treated. */
export interface FailurePolicy {
  /** Deliveries in all. */
  readonly attempts: number;
  readonly backoff: BackoffMs;
  readonly deadLetter: boolean;
}

const DEFAULT_ATTEMPTS = 5;
const DEFAULT_BACKOFF = "exponential(1s, 60s)";

/** @throws GanglionError `INVALID_BACKOFF`, `INVALID_DURATION` */
export function failurePolicy(retry: RetryOptions = {}, deadLetter = true): FailurePolicy {
  return {
    attempts: retry.attempts ?? DEFAULT_ATTEMPTS,
    backoff: backoffMs(retry.backoff ?? DEFAULT_BACKOFF),
    deadLetter,
  };
}

/**
 * What becomes of a message after a failure.
 *
 * @param attempt - how often it was tried, this time included.
 */
export function outcomeOf(error: unknown, attempt: number, policy: FailurePolicy): Outcome {
  const lastResort: Outcome = policy.deadLetter ? DEAD : REJECT;
  if (isGanglionError(error, "DELIVERY_REJECTED")) return REJECT;
  if (isGanglionError(error, "DELIVERY_DEAD") || attempt >= policy.attempts) return lastResort;
  const afterMs = error instanceof Verdict ? error.afterMs : undefined;
  return { kind: "retry", delayMs: afterMs ?? policy.backoff(attempt) };
}

const REJECT: Outcome = { kind: "reject" };
const DEAD: Outcome = { kind: "dead" };
