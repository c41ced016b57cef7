import type { Duration, Logger } from "@ganglion/kernel";
import type { CallOptions, EmitOptions, Emitted } from "../client/call.js";
import type { Injectable } from "../container/token.js";
import type { Bound } from "../contract/contract.js";
import type {
  AnyEvent,
  AnySingleRpc,
  AnyStreamingRpc,
  AnyTask,
  Ask,
  DataIn,
  ErrorCodeOf,
  ErrorData,
  Got,
  OptionsWithParams,
  ParamsOf,
} from "../contract/inference.js";
import type { IncomingHeaders } from "../transport/message.js";
import type { ServiceError } from "./service-error.js";

/** What a method may do to the outside, bound to the message it works on. */
export interface Effects {
  /** Calls an rpc. The deadline of the message being worked on limits it, and its trace and cancellation travel along. */
  call<E extends AnySingleRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): Promise<Got<E>>;
  /**
   * Stores an event in the stream of its owner and waits for the acknowledgement. Its message id is derived from the
   * message being worked on, so a retried method does not double it inside the stream's duplicate window.
   *
   * @throws GanglionError `INVALID_DATA`, `NO_STREAM`, `UNKNOWN_OUTCOME`
   */
  emit<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...options: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted>;
  /** Tells an event to those who listen now, at most once, without waiting. @throws GanglionError `INVALID_DATA` */
  publish<E extends AnyEvent>(event: E, data: DataIn<E>, ...options: OptionsWithParams<E, EmitOptions>): void;
  /** Stores a task for one worker and waits for the acknowledgement. Message ids as with `emit`. */
  enqueue<E extends AnyTask>(
    task: E,
    data: DataIn<E>,
    ...options: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted>;
}

/** What every method that works on a message is given. */
export interface MessageContext extends Effects {
  readonly subject: string;
  readonly headers: IncomingHeaders;
  /** Aborted when the caller gave up, the deadline passed, or the app cannot wait any longer while it stops. */
  readonly signal: AbortSignal;
  /**
   * The same text for every attempt at this message, different for every other. Hand it to external systems: their
   * effects happen at least once, and once only with such a key.
   */
  readonly idempotencyKey: string;
  readonly log: Logger;
  call<E extends AnySingleRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): Promise<Got<E>>;
  /** Calls an rpc that answers with many values. Leaving the loop over them tells the service to end. */
  call<E extends AnyStreamingRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...options: OptionsWithParams<E, CallOptions>
  ): AsyncIterable<Got<E>>;
  /** Milliseconds left until the deadline; undefined when there is none. */
  remainingMs(): number | undefined;
  /** A dependency, also one that is made for each message. It is disposed of after the method. */
  get<T>(injectable: Injectable<T>): Promise<T>;
}

/** What a {@link Handler} method is given beside its input. `E` is the type of its endpoint. */
export interface HandlerContext<E> extends MessageContext {
  /** Carries the endpoint's type to derived clients; never set. */
  readonly $endpoint?: E;
  /** Values of the subject's named tokens. */
  readonly params: ParamsOf<E>;
  /** Makes a declared error: throw it, and the caller gets the same one. */
  error<C extends ErrorCodeOf<E>>(code: C, data: ErrorData<E, C>, message?: string): ServiceError<C>;
}

/** Where a delivered message comes from. */
export interface DeliveryFacts<E = unknown> {
  /** Id its sender gave it, the same for every delivery. */
  readonly id: string;
  readonly subject: string;
  readonly params: ParamsOf<E>;
  readonly headers: IncomingHeaders;
  /** When the server stored it; when it arrived for messages that are not stored. */
  readonly time: Date;
  /** Undefined for messages that are not stored. */
  readonly stream: string | undefined;
  /** Position in the stream, from 1; 0 for messages that are not stored. */
  readonly sequence: number;
  /** 1 for the first delivery. */
  readonly deliveryCount: number;
}

/** Ways to fail on purpose. Throw what they return; any other exception counts as `retry`. */
export interface FailureVerbs {
  /** Deliver it again, after the backoff or after `after`. Uses up an attempt. */
  retry(reason: string, options?: { readonly after?: Duration; readonly cause?: unknown }): Error;
  /** Give the message up without a trace: it is wrong or not wanted. */
  reject(reason: string, options?: { readonly cause?: unknown }): Error;
  /** Give the message up and keep it as a dead letter. */
  dead(reason: string, options?: { readonly cause?: unknown }): Error;
}

/** What a {@link Subscriber} method is given beside the event. */
export interface EventContext<E = unknown> extends MessageContext, DeliveryFacts<E>, FailureVerbs {}

/** What a {@link Worker} method is given beside the task. */
export interface TaskContext<E = unknown> extends MessageContext, DeliveryFacts<E>, FailureVerbs {}

/**
 * What a {@link Subscriber} method with `batch` is given beside the events. Batches are put together anew for every
 * attempt, so its `idempotencyKey` is new each time and what it emits has no derived id: give `emit` an `id` made of
 * the event's own one.
 */
export interface EventBatchContext<E = unknown> extends MessageContext, FailureVerbs {
  /** Where each event comes from, in the order of the events. */
  readonly deliveries: readonly DeliveryFacts<E>[];
}
