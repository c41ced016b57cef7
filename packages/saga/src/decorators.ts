import type { AnyEvent, DataOut, Schema } from "@ganglion/core";
import { type ComponentClass, decoratedMethod, defineComponent, type Method } from "@ganglion/core/internal";
import type * as z from "zod";
import type { CompensationContext, SagaContext, StepContext } from "./context.js";
import type { RecordedSaga, SagaOptions, StepOptions } from "./definition.js";
import { sagaKind } from "./saga-kind.js";

/** Names an option of type O holds: of `compensate`, `when` and so on, or of the list `after`. */
type Names<O, K extends keyof StepOptions> = O extends { readonly [P in K]: infer V }
  ? V extends readonly string[]
    ? V[number]
    : V extends string
      ? V
      : never
  : never;

// biome-ignore lint/suspicious/noExplicitAny: the input is checked by the class decorator, a signal's data by nobody
type Unchecked = any;

/** The context of a step with options O. */
type ContextOf<O, T> = StepContext<Unchecked, T, Names<O, "after"> & keyof T>;

/** What the decorated class must have, for the names in the options. */
type Needs<O, T> = {
  [K in Names<O, "compensate">]: (ctx: CompensationContext<Unchecked, T, keyof T>) => unknown;
} & {
  [K in Names<O, "onTimeout">]: (ctx: ContextOf<O, T>) => unknown;
} & {
  [K in Names<O, "when">]: (ctx: ContextOf<O, T>) => boolean | Promise<boolean>;
} & { [K in Names<O, "after">]: Method };

/** What the step's method must look like. */
type Shape<O, T> = O extends { readonly waitFor: infer W }
  ? (ctx: ContextOf<O, T>, event: W extends AnyEvent ? DataOut<W> : Unchecked) => unknown
  : (ctx: ContextOf<O, T>) => unknown;

/** A decorator for the methods of a saga, in standard and in legacy mode. */
export interface StepDecorator<O> {
  <T extends Needs<O, T>, F extends Shape<O, T>>(value: F, context: ClassMethodDecoratorContext<T, F>): void;
  <T extends Needs<O, T>, F extends Shape<O, T>>(
    target: T,
    key: string,
    descriptor: TypedPropertyDescriptor<F>,
  ): void;
}

const steps = new WeakMap<Method, StepOptions>();

/**
 * Makes a method a step of its saga. Steps run in the order they are declared, or as `after` says.
 *
 * @example
 * @Step({ compensate: "releaseStock", retry: { attempts: 3 }, timeout: "10s" })
 * reserveStock(ctx: StepContext<Order>) { return ctx.call(Inventory.reserve, { sku: ctx.input.sku }); }
 */
// biome-ignore lint/complexity/noBannedTypes: no options
export function Step<const O extends StepOptions = {}>(options?: O): StepDecorator<O> {
  return ((...args: unknown[]) =>
    void steps.set(decoratedMethod(args).method, options ?? {})) as StepDecorator<O>; // one function for both overloads
}

/** Methods of `T` that are written for another input than `Input`. */
type Strangers<T, Input> = {
  [K in keyof T]: T[K] extends (ctx: infer C, ...rest: never[]) => unknown
    ? C extends SagaContext<infer I>
      ? [Input] extends [I]
        ? never
        : K
      : never
    : never;
}[keyof T];

/** The decorator {@link Saga} returns. */
export type SagaDecorator<Input> = <C extends abstract new (...args: Unchecked[]) => object>(
  type: [Strangers<InstanceType<C>, Input>] extends [never]
    ? C
    : C & {
        readonly "these methods take another input than the schema gives": Strangers<InstanceType<C>, Input>;
      },
  context?: ClassDecoratorContext<C>,
) => void;

/** Options of {@link Saga} with a zod schema as the input. */
export type SagaClassOptions<S extends Schema> = Omit<SagaOptions, "input"> & { readonly input: S };

/**
 * Makes a class a saga: list it in `createApp({ services: [...] })` to run it, start it with
 * `app.sagas(Checkout).start({ id, input })`.
 *
 * @param name - letters, digits, `-` and `_`; part of subjects and of the journal, so it cannot change later.
 * @throws GanglionError `SAGA_INVALID_DEFINITION`, when the app is created or the saga is first used.
 * @example @Saga("checkout", { version: 2, input: Order, concurrency: 64 }) class Checkout { … }
 */
export function Saga<S extends Schema>(
  name: string,
  options: SagaClassOptions<S>,
): SagaDecorator<z.output<S>> {
  return (type) =>
    defineComponent(type as ComponentClass, sagaKind, recordOf(type as ComponentClass, name, options));
}

function recordOf(type: ComponentClass, name: string, options: SagaOptions): RecordedSaga {
  const methods = methodsOf(type);
  const recorded = [...methods].flatMap(([method, value]) => {
    const step = steps.get(value);
    return step === undefined ? [] : [{ name: method, options: step }];
  });
  return { name, options, steps: recorded, hasMethod: (method) => methods.has(method) };
}

/** Methods by name in the order they are declared, those of base classes first. */
function methodsOf(type: ComponentClass): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  const chain: object[] = [];
  for (let at: object | null = type.prototype as object; at !== null && at !== Object.prototype; ) {
    chain.unshift(at);
    at = Object.getPrototypeOf(at) as object | null;
  }
  for (const prototype of chain) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      const { value } = Object.getOwnPropertyDescriptor(prototype, key) ?? {};
      if (key !== "constructor" && typeof value === "function") methods.set(key, value as Method);
    }
  }
  return methods;
}
