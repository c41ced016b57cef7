import type { Duration } from "@ganglion/kernel";
import type { AnyEvent, Awaitable, DataOut } from "../contract/inference.js";
import type { EventBatchContext, EventContext } from "../messages/context.js";
import { recordEndpoint } from "../metadata/record.js";
import type { DurableOptions } from "./delivery-options.js";
import { decoratedMethod, type MethodDecoratorOf } from "./method-decorator.js";

/** Where a new durable subscription starts. */
export type SubscribeFrom =
  | "all"
  | "new"
  | "last"
  | { readonly sequence: number }
  | { readonly time: Date | string };

/** Options of {@link Subscriber}. */
export interface SubscriberOptions extends DurableOptions {
  /**
   * Name of the durable subscription; its consumer is `<durable>-<event>`. Instances with one name share the events.
   * False: every instance gets the events that are sent while it listens.
   *
   * @default the service's name
   */
  readonly durable?: string | false;
  /** With `durable: false`: instances of one queue group share the events. @default every instance gets them */
  readonly queue?: string;
  /** Only the first start looks at it. @default "all" */
  readonly from?: SubscribeFrom;
  /** `original` keeps the gaps in time the events were stored with. @default "instant" */
  readonly replay?: "instant" | "original";
  /**
   * `explicit`: each event; `all`: acknowledging one covers all before it; `none`: delivered at most once.
   *
   * @default "explicit"
   */
  readonly ack?: "explicit" | "all" | "none";
  /** Longest wait for a batch to fill. @default 100 ms */
  readonly batchWait?: Duration;
}

/**
 * Handles an event.
 *
 * @example
 * @Subscriber(Payments.captured, { durable: "orders" })
 * async onCaptured(event: DataOut<typeof Payments.captured>, ctx: EventContext) { … }
 */
export function Subscriber<E extends AnyEvent>(
  event: E,
  options: SubscriberOptions & { readonly batch: number },
): MethodDecoratorOf<(events: readonly DataOut<E>[], ctx: EventBatchContext<E>) => Awaitable<void>>;
export function Subscriber<E extends AnyEvent>(
  event: E,
  options?: SubscriberOptions & { readonly batch?: never },
): MethodDecoratorOf<(event: DataOut<E>, ctx: EventContext<E>) => Awaitable<void>>;
export function Subscriber(
  spec: AnyEvent,
  options: SubscriberOptions & { readonly batch?: number } = {},
): (...args: unknown[]) => void {
  return (...args) => recordEndpoint(decoratedMethod(args), { role: "subscriber", spec, options });
}
