import type { Duration } from "@ganglion/kernel";
import type {
  AnyRpc,
  Ask,
  Failure,
  Got,
  IsStreaming,
  OptionsWithParams,
  RpcKeys,
} from "../contract/inference.js";
import type { CoreErrorCode } from "../errors.js";
import type { HandlerContext } from "../messages/context.js";
import type { Policy } from "../policies/policy.js";
import type { HeaderEntry } from "../transport/header-block.js";

/** Options of a call. */
export interface CallOptions {
  /** @default the endpoint's timeout, else 5 s; never more than what is left of the caller's own deadline */
  readonly timeout?: Duration;
  /** Gives the call up; the handler's signal is aborted too. */
  readonly signal?: AbortSignal;
  /** The same for every attempt at one operation. @default unique for each call */
  readonly idempotencyKey?: string;
  /** Further headers. */
  readonly headers?: readonly HeaderEntry[];
}

/** Options of a client, for all its calls. */
export interface ClientOptions {
  /**
   * Policies around every call of an rpc that answers once, the first outermost. They see one operation with one
   * deadline and one idempotency key, however often they try.
   */
  readonly use?: readonly Policy[];
  /** Time a call may take unless it says otherwise. @default the endpoint's timeout, else 5 s */
  readonly timeout?: Duration;
}

/** Options of emit, publish and enqueue. */
export interface EmitOptions {
  /** Message id for the stream's duplicate detection. @default derived from the cause, or unique */
  readonly id?: string;
  /** Further headers. */
  readonly headers?: readonly HeaderEntry[];
}

/** Where a stored event or task went. */
export interface Emitted {
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
  /** The id was stored before: nothing was stored now. */
  readonly duplicate: boolean;
}

/** An error no endpoint declares, such as a timeout. `data` holds what is known about it. */
export interface SystemFailure {
  readonly code: CoreErrorCode | "ABORTED";
  readonly data: unknown;
}

/** Outcome of a call that does not throw. */
export type Result<T, F> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: F & { readonly message: string; readonly retryable: boolean } };

/** A method of a client, for one rpc. */
export type Call<E> = IsStreaming<E> extends true ? StreamingCall<E> : SingleCall<E>;

/** Calls an rpc that answers once. */
export interface SingleCall<E> {
  /** @throws ServiceError of a declared code; GanglionError for everything else, see {@link SystemFailure} */
  (input: Ask<E>, ...options: OptionsWithParams<E, CallOptions>): Promise<Got<E>>;
  /** The same, with errors as values: the union of the declared ones and {@link SystemFailure}. */
  safe(
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): Promise<Result<Got<E>, Failure<E> | SystemFailure>>;
}

/** Calls an rpc that answers with many values. */
export type StreamingCall<E> = (
  input: Ask<E>,
  ...options: OptionsWithParams<E, CallOptions>
) => AsyncIterable<Got<E>>;

/** A client of a contract: a method for each rpc. */
export type ContractClient<C> = { readonly [K in RpcKeys<C>]: Call<C[K]> };

/** The endpoint a service class' method belongs to, by the type of its context parameter. */
// biome-ignore lint/suspicious/noExplicitAny: the input type does not matter here
type EndpointOf<M> = M extends (input: any, ctx: infer C) => unknown
  ? C extends HandlerContext<infer E>
    ? [E] extends [AnyRpc]
      ? E
      : never
    : never
  : never;

/** A client derived from a service class: a method for each of its methods that takes a {@link HandlerContext}. */
export type ClassClient<T> = {
  readonly [K in keyof T as [EndpointOf<T[K]>] extends [never] ? never : K]: Call<EndpointOf<T[K]>>;
};
