import { coreError } from "../errors.js";
import { Gate } from "../runtime/gate.js";
import { type Policy, PolicyError, perEndpoint } from "./policy.js";

/** Options of {@link concurrencyLimit}. */
export interface ConcurrencyLimitOptions {
  /** Operations that run at a time. */
  readonly limit: number;
  /** Operations that wait, in order. @default 0 */
  readonly queue?: number;
}

interface Waiting {
  readonly enter: () => void;
}

/**
 * Lets so many operations run at a time, keeps some waiting and refuses the others with `OVERLOADED`: a slow
 * endpoint cannot take everything its caller has. An operation that is given up while it waits leaves the queue.
 *
 * @throws GanglionError `INVALID_OPTIONS`
 * @example app.client(Reports, { use: [concurrencyLimit({ limit: 4, queue: 16 })] })
 */
export function concurrencyLimit({ limit, queue = 0 }: ConcurrencyLimitOptions): Policy {
  if (!Number.isInteger(limit) || limit < 1 || !(queue >= 0)) {
    throw coreError(
      "INVALID_OPTIONS",
      `concurrencyLimit: limit is ${limit}, must be a whole number from 1; queue is ${queue}, must not be negative`,
    );
  }
  const gateOf = perEndpoint(() => new Gate<Waiting>(limit, queue, ({ enter }) => enter()));
  return async (operation, next) => {
    const gate = gateOf(operation);
    await new Promise<void>((enter, reject) => {
      if (gate.enter({ enter })) return;
      reject(
        new PolicyError(operation, "OVERLOADED", {
          message: `has ${limit} operations running and ${queue} waiting`,
          details: { limit, queue },
        }),
      );
    });
    try {
      // It may have been given up while it waited.
      operation.signal?.throwIfAborted();
      return await next();
    } finally {
      gate.done();
    }
  };
}
