import { type Duration, durationMs } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import { isFailure, type Operation, type Policy, PolicyError, perEndpoint } from "./policy.js";

/** State of a circuit: calls pass, calls are refused, or single calls try whether they pass again. */
export type CircuitState = "closed" | "open" | "half-open";

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions {
  /** Share of failed calls at which it opens, above 0 and up to 1. @default 0.5 */
  readonly threshold?: number;
  /** Calls within the window below which it stays closed. @default 20 */
  readonly minRequests?: number;
  /** How far back calls are counted. @default "10s" */
  readonly window?: Duration;
  /** How long calls are refused before one may try. @default "5s" */
  readonly openFor?: Duration;
  /** Whether an error is a failure. @default errors the endpoint does not declare and the caller is not to blame for */
  readonly counts?: (error: unknown, operation: Operation) => boolean;
  /** Told of every change. */
  readonly onChange?: (state: CircuitState, operation: Operation) => void;
}

/** The window is counted in so many parts, which fall out of it one by one. */
const WINDOW_PARTS = 10;

/**
 * Stops calling an endpoint that fails: while the circuit is open, calls fail at once with `CIRCUIT_OPEN`. After a
 * while one call tries; when it succeeds, the circuit closes.
 *
 * @throws GanglionError `INVALID_OPTIONS`, `INVALID_DURATION`
 * @example app.client(Payments, { use: [circuitBreaker({ threshold: 0.3 })] })
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Policy {
  const { threshold = 0.5, minRequests = 20, counts = isFailure, onChange } = options;
  if (!(threshold > 0 && threshold <= 1) || !(minRequests >= 1)) {
    throw coreError(
      "INVALID_OPTIONS",
      `circuitBreaker: threshold is ${threshold}, must be above 0 and up to 1; minRequests is ${minRequests}, must be at least 1`,
    );
  }
  const windowMs = durationMs(options.window ?? "10s", "window");
  const openForMs = durationMs(options.openFor ?? "5s", "openFor");
  const circuitOf = perEndpoint(() => new Circuit({ threshold, minRequests, windowMs, openForMs }));
  return async (operation, next) => {
    const circuit = circuitOf(operation);
    const change = (state: CircuitState | undefined) => {
      if (state !== undefined) onChange?.(state, operation);
    };
    const now = () => operation.clock.monotonicMs();
    const before = circuit.state;
    if (!circuit.enter(now())) {
      const retryAfterMs = Math.ceil(circuit.opensAgainInMs(now()));
      throw new PolicyError(operation, "CIRCUIT_OPEN", {
        message: "is not called: it failed too often",
        details: { retryAfterMs },
      });
    }
    if (circuit.state !== before) change(circuit.state);
    try {
      const result = await next();
      change(circuit.succeeded(now()));
      return result;
    } catch (error) {
      change(counts(error, operation) ? circuit.failed(now()) : circuit.succeeded(now()));
      throw error;
    }
  };
}

interface CircuitLimits {
  readonly threshold: number;
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openForMs: number;
}

/** One circuit. Times are monotonic milliseconds. */
class Circuit {
  state: CircuitState = "closed";
  private openedMs = 0;
  private parts: { readonly part: number; calls: number; failures: number }[] = [];

  constructor(private readonly limits: CircuitLimits) {}

  /** Whether a call may run. */
  enter(nowMs: number): boolean {
    if (this.state === "closed") return true;
    // Half open: one call is trying. One that never comes back must not keep the circuit from trying again.
    if (nowMs - this.openedMs < this.limits.openForMs) return false;
    this.state = "half-open";
    this.openedMs = nowMs;
    return true;
  }

  opensAgainInMs(nowMs: number): number {
    return Math.max(0, this.limits.openForMs - (nowMs - this.openedMs));
  }

  /** @returns the new state, if it changed. */
  succeeded(nowMs: number): CircuitState | undefined {
    if (this.state === "closed") {
      this.count(nowMs, 0);
      return undefined;
    }
    // A call that began before the circuit opened says nothing about now.
    if (this.state === "open") return undefined;
    this.parts = [];
    this.state = "closed";
    return this.state;
  }

  /** @returns the new state, if it changed. */
  failed(nowMs: number): CircuitState | undefined {
    if (this.state === "open") return undefined;
    if (this.state === "closed" && !this.isTooMuch(nowMs)) return undefined;
    this.state = "open";
    this.openedMs = nowMs;
    return this.state;
  }

  private isTooMuch(nowMs: number): boolean {
    this.count(nowMs, 1);
    let calls = 0;
    let failures = 0;
    for (const part of this.parts) {
      calls += part.calls;
      failures += part.failures;
    }
    return calls >= this.limits.minRequests && failures >= calls * this.limits.threshold;
  }

  private count(nowMs: number, failures: number): void {
    const now = Math.floor(nowMs / (this.limits.windowMs / WINDOW_PARTS));
    let last = this.parts.at(-1);
    if (last?.part !== now) {
      last = { part: now, calls: 0, failures: 0 };
      this.parts = this.parts.filter(({ part }) => part > now - WINDOW_PARTS);
      this.parts.push(last);
    }
    last.calls++;
    last.failures += failures;
  }
}
