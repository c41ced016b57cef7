import type * as z from "zod";
import type { ErrorSchemas, EventSpec, Rpc, Schema, Spec, Streaming, Task } from "./spec.js";

// `any` in the patterns below stands for "whatever it is": a constraint such as Schema would make the conditional
// type distribute wrongly over optional fields, and a type parameter's constraint holding Rpc<any, any, any> would
// make omitted `errors` infer as any.

/** What a handler receives: the decoded input. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type In<E> = E extends Rpc<infer I, any, any, any> ? z.output<I> : never;
/** What a handler returns: a value of the output schema before decoding. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Out<E> = E extends Rpc<any, infer O, any, any> ? z.input<O> : never;
/** What a caller passes. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Ask<E> = E extends Rpc<infer I, any, any, any> ? z.input<I> : never;
/** What a caller gets: the decoded output. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Got<E> = E extends Rpc<any, infer O, any, any> ? z.output<O> : never;
/** Declared errors of an rpc. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type ErrorsOf<E> = E extends Rpc<any, any, infer X, any> ? X : never;
/** Codes an rpc declares. */
export type ErrorCodeOf<E> = keyof ErrorsOf<E> & string;
/** Union of the declared errors as a caller sees them: code and decoded data. */
export type Failure<E> = {
  [C in ErrorCodeOf<E>]: { readonly code: C; readonly data: DecodedError<ErrorsOf<E>, C> };
}[ErrorCodeOf<E>];
type DecodedError<X, C extends keyof X> = X[C] extends Schema ? z.output<X[C]> : never;
/** Data a handler gives with a declared error. */
export type ErrorData<E, C extends ErrorCodeOf<E>> = ErrorsOf<E>[C] extends Schema
  ? z.input<ErrorsOf<E>[C]>
  : never;

/** Data of an event or task as its sender gives it. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type DataIn<E> = E extends EventSpec<infer D, any> | Task<infer D, any> ? z.input<D> : never;
/** Data of an event or task as its receiver gets it. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type DataOut<E> = E extends EventSpec<infer D, any> | Task<infer D, any> ? z.output<D> : never;

/** The named tokens of an endpoint's subject; an object without keys when there are none. */
export type ParamsOf<E> = E extends { readonly $params?: infer P }
  ? { readonly [K in keyof P]: P[K] }
  : // biome-ignore lint/complexity/noBannedTypes: no named tokens
    {};

/** The rest parameter for options that must hold `params` exactly when the subject has named tokens. */
export type OptionsWithParams<E, O extends object> = keyof ParamsOf<E> extends never
  ? [options?: O]
  : [options: O & { readonly params: ParamsOf<E> }];

/** A value or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Keys of a contract that hold rpcs. */
export type RpcKeys<C> = {
  // biome-ignore lint/suspicious/noExplicitAny: see above
  [K in keyof C]: C[K] extends Rpc<any, any, any, any> ? K : never;
}[keyof C] &
  string;

/** True for rpcs that answer with many values. */
export type IsStreaming<E> = E extends Streaming ? true : false;

/** A named spec for messages: {@link EventSpec} or {@link Task}. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyEvent = EventSpec<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyTask = Task<any, any>;
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyRpc = Rpc<any, any, any, any>;
/** An rpc that answers once. */
export type AnySingleRpc = AnyRpc & { readonly streaming?: never };
/** An rpc that answers with many values. */
export type AnyStreamingRpc = AnyRpc & Streaming;

export type { ErrorSchemas, Schema, Spec };
