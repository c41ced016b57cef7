import type { MessageContext } from "../messages/context.js";

/** What is being worked on. */
export interface Delivery {
  readonly kind: "rpc" | "event" | "task";
  readonly service: string;
  /** Name of the method. */
  readonly method: string;
  /** Decoded input, event or task; an array for batches. */
  readonly input: unknown;
  readonly ctx: MessageContext;
}

/**
 * Runs around a method. Call `next` once, and return what it returns, unless the method shall not run. It sees the
 * decoded input and the result before encoding; what it throws counts as thrown by the method.
 *
 * @example const timed: Middleware = async (delivery, next) => { const t = Date.now(); try { return await next(); } finally { … } };
 */
export type Middleware = (delivery: Delivery, next: () => Promise<unknown>) => Promise<unknown>;
