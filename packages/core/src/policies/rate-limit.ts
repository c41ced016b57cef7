import { type Duration, durationMs, pause } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import { type Policy, PolicyError, perEndpoint } from "./policy.js";

/** Options of {@link rateLimit}. */
export interface RateLimitOptions {
  /** Operations in each period, on average. */
  readonly limit: number;
  /** The period. @default "1s" */
  readonly per?: Duration;
  /** Operations that may come at once after a quiet time. @default `limit` */
  readonly burst?: number;
  /** How long an operation may wait for its turn before it is refused. @default 0: it does not wait */
  readonly maxWait?: Duration;
}

/**
 * Lets so many operations run in a period and refuses the others with `RATE_LIMITED`, whose `details.retryAfterMs`
 * tells when there is room. It counts in this process only.
 *
 * @throws GanglionError `INVALID_OPTIONS`, `INVALID_DURATION`
 * @example @Use(rateLimit({ limit: 100 })) @Handler(Quotes.get) get(…) { … }
 */
export function rateLimit(options: RateLimitOptions): Policy {
  const { limit, burst = limit } = options;
  const periodMs = durationMs(options.per ?? "1s", "per");
  const maxWaitMs = durationMs(options.maxWait ?? 0, "maxWait");
  if (!(limit > 0) || !(burst >= 1) || periodMs <= 0) {
    throw coreError(
      "INVALID_OPTIONS",
      `rateLimit: limit is ${limit} per ${periodMs} ms, must be above 0; burst is ${burst}, must be at least 1`,
    );
  }
  const bucketOf = perEndpoint(() => new TokenBucket(limit / periodMs, burst));
  return async (operation, next) => {
    const { clock, signal } = operation;
    const waitMs = bucketOf(operation).take(clock.monotonicMs(), maxWaitMs);
    if (waitMs > maxWaitMs) {
      throw new PolicyError(operation, "RATE_LIMITED", {
        message: `is used more often than ${limit} times in ${periodMs} ms`,
        details: { retryAfterMs: Math.ceil(waitMs) },
      });
    }
    if (waitMs > 0) await pause(clock, waitMs, signal);
    signal?.throwIfAborted();
    return next();
  };
}

/** Fills at a steady rate up to its size. Times are monotonic milliseconds. */
class TokenBucket {
  private tokens: number;
  private filledMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly tokensPerMs: number,
    private readonly size: number,
  ) {
    this.tokens = size;
  }

  /** Takes one, if it is there within `maxWaitMs`. @returns how long to wait for it. */
  take(nowMs: number, maxWaitMs: number): number {
    const elapsedMs = this.filledMs === Number.NEGATIVE_INFINITY ? 0 : nowMs - this.filledMs;
    this.tokens = Math.min(this.size, this.tokens + elapsedMs * this.tokensPerMs);
    this.filledMs = nowMs;
    const waitMs = this.tokens >= 1 ? 0 : (1 - this.tokens) / this.tokensPerMs;
    if (waitMs <= maxWaitMs) this.tokens--;
    return waitMs;
  }
}
