import type { MessageContext } from "../messages/context.js";
import type { NextLimits, Operation } from "../policies/policy.js";

/** What is being worked on. */
export interface Delivery extends Operation {
  /** Name of the method. */
  readonly method: string;
  readonly ctx: MessageContext;
}

/**
 * Runs around a method; every {@link Policy} is one too. Return what `next` returns, unless the method shall not run.
 * It sees the decoded input and the result before encoding; what it throws counts as thrown by the method.
 *
 * @example const timed: Middleware = async (delivery, next) => { const t = Date.now(); try { return await next(); } finally { … } };
 */
export type Middleware = (
  delivery: Delivery,
  next: (limits?: NextLimits) => Promise<unknown>,
) => Promise<unknown>;
