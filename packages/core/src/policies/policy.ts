import { type Clock, GanglionError, type GanglionErrorOptions, isGanglionError } from "@ganglion/kernel";
import type { CoreErrorCode } from "../errors.js";
import { ServiceError } from "../messages/service-error.js";

/** One call of an rpc, or one message a method works on, as policies see it. */
export interface Operation {
  readonly kind: "rpc" | "event" | "task";
  readonly service: string;
  /** Name of the endpoint. */
  readonly method: string;
  /** Decoded input, event or task; an array for batches. */
  readonly input: unknown;
  /** Whether the contract says that doing it twice has the effect of doing it once. */
  readonly idempotent: boolean;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  /** Milliseconds left until the deadline; undefined when there is none. */
  remainingMs(): number | undefined;
}

/** What one attempt at an operation may take. */
export interface NextLimits {
  readonly timeoutMs?: number;
}

/**
 * Runs around an operation, on either side: around a method by `@Use(policy)` and `app.use(policy)`, around calls by
 * `app.client(contract, { use: [policy] })`. The first of several is the outermost.
 *
 * What one policy counts or remembers, it does for each endpoint by itself.
 */
export type Policy = (
  operation: Operation,
  next: (limits?: NextLimits) => Promise<unknown>,
) => Promise<unknown>;

type PolicyErrorCode = Extract<CoreErrorCode, "OVERLOADED" | "RATE_LIMITED" | "CIRCUIT_OPEN">;

/** A policy did not let an operation run. It may be tried again later. */
export class PolicyError extends GanglionError<PolicyErrorCode> {
  constructor(
    readonly operation: Operation,
    code: PolicyErrorCode,
    options: Pick<GanglionErrorOptions, "details"> & { readonly message: string },
  ) {
    const { service, method } = operation;
    super(code, `${service}.${method} ${options.message}`, {
      retryable: true,
      details: { endpoint: `${service}.${method}`, ...options.details },
    });
  }
}

/** Something a policy keeps for each endpoint. */
export function perEndpoint<T>(make: () => T): (operation: Operation) => T {
  const kept = new Map<string, T>();
  return ({ kind, service, method }) => {
    const key = `${kind} ${service}.${method}`;
    let value = kept.get(key);
    if (value === undefined) {
      value = make();
      kept.set(key, value);
    }
    return value;
  };
}

/** Errors that say something about the caller, not about the health of what was called. */
const CALLERS_FAULT: ReadonlySet<string> = new Set<CoreErrorCode | "ABORTED">([
  "ABORTED",
  "BAD_REQUEST",
  "INVALID_DATA",
  "PAYLOAD_TOO_LARGE",
  "VERSION_MISMATCH",
  "DELIVERY_REJECTED",
]);

/** Whether an error counts as a failure of the endpoint: an error it declares is an answer, no failure. */
export function isFailure(error: unknown): boolean {
  return !(error instanceof ServiceError) && !(isGanglionError(error) && CALLERS_FAULT.has(error.code));
}
