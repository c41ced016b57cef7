import type { AnyRpc, Awaitable, In, IsStreaming, Out } from "../contract/inference.js";
import type { HandlerContext } from "../messages/context.js";
import { recordEndpoint } from "../metadata/record.js";
import type { DeliveryLimits } from "./delivery-options.js";
import { decoratedMethod, type MethodDecoratorOf } from "./method-decorator.js";

/** Options of {@link Handler}. */
export interface HandlerOptions extends DeliveryLimits {
  /** Queue group; instances in different groups each get the request. @default the service's name */
  readonly queue?: string;
}

/** What a method for an rpc looks like. */
export type HandlerShape<E> = (
  input: In<E>,
  ctx: HandlerContext<E>,
) => IsStreaming<E> extends true ? AsyncIterable<Out<E>> : Awaitable<Out<E>>;

/**
 * Answers an rpc. The method must fit the endpoint's schemas, and carry its name when the endpoint belongs to a
 * contract. Parameters must be annotated: decorators cannot give types to them.
 *
 * @example
 * @Handler(Orders.place, { concurrency: 32 })
 * async place(input: In<typeof Orders.place>, ctx: HandlerContext<typeof Orders.place>) { … }
 */
export function Handler<E extends AnyRpc & { readonly name: string }>(
  endpoint: E,
  options?: HandlerOptions,
): MethodDecoratorOf<HandlerShape<E>, E["name"]>;
export function Handler<E extends AnyRpc>(
  endpoint: E,
  options?: HandlerOptions,
): MethodDecoratorOf<HandlerShape<E>>;
export function Handler(spec: AnyRpc, options: HandlerOptions = {}): (...args: unknown[]) => void {
  return (...args) => recordEndpoint(decoratedMethod(args), { role: "handler", spec, options });
}
