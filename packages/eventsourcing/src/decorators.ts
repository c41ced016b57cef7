import type { AnyEvent, DataOut } from "@ganglion/core";
import {
  type ComponentClass,
  decoratedMethod,
  defineComponent,
  type Method,
  type MethodDecoratorOf,
} from "@ganglion/core/internal";
import type { ProjectionContext, ProjectionOptions, RecordedProjection } from "./projection/definition.js";
import type { ReadModelStore } from "./projection/read-model.js";
import { projectionKind } from "./projection-kind.js";

// biome-ignore lint/suspicious/noExplicitAny: the view is checked by the class decorator
type Unchecked = any;

const handlers = new WeakMap<Method, AnyEvent[]>();

/**
 * Makes a method the handler of an event. It changes rows only through `ctx.tx`, and depends on nothing else that
 * changes, so that a replay gives the same rows.
 *
 * @example
 * @On(Orders.placed)
 * placed(e: DataOut<typeof Orders.placed>, ctx: ProjectionContext<Rows<OrderRow>>) {
 *   ctx.tx.set(e.orderId, { status: "placed", at: ctx.time.toISOString() });
 * }
 */
export function On<E extends AnyEvent>(
  event: E,
): MethodDecoratorOf<(event: DataOut<E>, ctx: ProjectionContext<Unchecked, E>) => void | Promise<void>> {
  return (...args: unknown[]) => {
    const { method } = decoratedMethod(args);
    const present = handlers.get(method) ?? [];
    handlers.set(method, [event, ...present]);
  };
}

/** Methods of `T` that are written for another view than `View`. */
type Strangers<T, View> = {
  [K in keyof T]: T[K] extends (event: never, ctx: infer C) => unknown
    ? C extends { readonly tx: infer V; readonly sequence: number }
      ? [View] extends [V]
        ? never
        : K
      : never
    : never;
}[keyof T];

/** The decorator {@link Projection} returns. */
export type ProjectionDecorator<View> = <C extends abstract new (...args: Unchecked[]) => object>(
  type: [Strangers<InstanceType<C>, View>] extends [never]
    ? C
    : C & { readonly "these methods are written for another store": Strangers<InstanceType<C>, View> },
  context?: ClassDecoratorContext<C>,
) => void;

/**
 * Makes a class a projection: list it in `createApp({ services: [...] })` to keep its rows up to date, read them with
 * `app.projections(OrderSummary)`.
 *
 * @param name - letters, digits, `-` and `_`; it names the rows in the store, so it cannot change later.
 * @throws GanglionError `PROJECTION_INVALID_DEFINITION`, when the app is created or the projection is first used.
 * @example @Projection("order-summary", { version: 3, store: kv<OrderRow>() }) class OrderSummary { … }
 */
export function Projection<View>(
  name: string,
  options: Omit<ProjectionOptions<View>, "store"> & { readonly store: ReadModelStore<View> },
): ProjectionDecorator<View> {
  return (type) => {
    const recorded = recordOf(type as ComponentClass, name, options as ProjectionOptions);
    defineComponent(type as ComponentClass, projectionKind, recorded);
  };
}

function recordOf(type: ComponentClass, name: string, options: ProjectionOptions): RecordedProjection {
  const found = new Map<string, Method>();
  for (let at = type.prototype as object | null; at !== null && at !== Object.prototype; ) {
    for (const key of Object.getOwnPropertyNames(at)) {
      const { value } = Object.getOwnPropertyDescriptor(at, key) ?? {};
      if (typeof value === "function" && !found.has(key)) found.set(key, value as Method);
    }
    at = Object.getPrototypeOf(at) as object | null;
  }
  const recorded = [...found].flatMap(([method, value]) =>
    (handlers.get(value) ?? []).map((event) => ({ method, event })),
  );
  return { name, options, handlers: recorded };
}
