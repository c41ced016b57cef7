import { type Duration, durationMs } from "@ganglion/kernel";
import type * as z from "zod";
import { SubjectTemplate, type TemplateParams } from "./subject-template.js";

/** Any zod schema. */
export type Schema = z.ZodType;
/** Error codes an rpc may answer with, and the schema of the data each carries. */
export type ErrorSchemas = Readonly<Record<string, Schema>>;

/** Something a contract can hold. */
export interface Spec {
  readonly kind: "rpc" | "event" | "task";
}

/** What every kind of endpoint may say about itself. */
export interface SpecOptions {
  /** For generated documentation. */
  readonly description?: string;
  /**
   * Whether values are checked against the schemas when they are sent and received. Switch it off on hot paths
   * between parties that trust each other; schemas that convert values (codecs, defaults) still do.
   *
   * @default true
   */
  readonly validate?: boolean;
}

/** A request with a reply. `P` holds the named tokens of its subject. */
// `unknown` params: an intersection of no tokens, see TemplateParams.
export interface Rpc<I extends Schema, O extends Schema, X extends ErrorSchemas, P = unknown> extends Spec {
  readonly kind: "rpc";
  readonly input: I;
  readonly output: O;
  readonly errors: X;
  /** Undefined: the caller's default. */
  readonly timeoutMs: number | undefined;
  readonly idempotent: boolean;
  /** Undefined: `<service>.<endpoint>`. */
  readonly template: SubjectTemplate | undefined;
  readonly description: string | undefined;
  readonly validate: boolean;
  readonly $params?: P;
}

/** Marks an rpc that answers with many values. */
export interface Streaming {
  readonly streaming: true;
}

/** Something that happened, told to everyone who subscribed. */
export interface EventSpec<D extends Schema, P = unknown> extends Spec {
  readonly kind: "event";
  readonly data: D;
  readonly template: SubjectTemplate | undefined;
  /** The key events are ordered by. */
  readonly key: ((data: z.output<D>) => string) | undefined;
  /** Number of partitions; undefined: it is not partitioned. */
  readonly partitions: number | undefined;
  /** False: sent at most once to those who listen, never stored. */
  readonly durable: boolean;
  readonly description: string | undefined;
  readonly validate: boolean;
  readonly $params?: P;
}

/** A piece of work that one worker does. */
export interface Task<D extends Schema, P = unknown> extends Spec {
  readonly kind: "task";
  readonly data: D;
  readonly template: SubjectTemplate | undefined;
  readonly key: ((data: z.output<D>) => string) | undefined;
  /** Number of partitions; undefined: it is not partitioned. */
  readonly partitions: number | undefined;
  readonly description: string | undefined;
  readonly validate: boolean;
  readonly $params?: P;
}

/** Options of {@link rpc}. */
export interface RpcOptions<I extends Schema, O extends Schema, X extends ErrorSchemas, S extends string>
  extends SpecOptions {
  readonly input: I;
  readonly output: O;
  /** Codes a handler may fail with, and the schema of the data they carry. @default none */
  readonly errors?: X;
  /** How long a caller waits unless it says otherwise. @default 5 s */
  readonly timeout?: Duration;
  /** Calling twice has the effect of calling once, so that policies may retry. @default false */
  readonly idempotent?: boolean;
  /** Subject template, such as `devices.{id}.reboot`. @default `<service>.<endpoint>` */
  readonly subject?: S;
}

// `{}` is "no declared errors": a Record with no known keys would accept every code.
// biome-ignore lint/complexity/noBannedTypes: the empty object type is meant
type NoErrors = {};

/**
 * Declares a request with a reply.
 *
 * @example
 * const place = rpc({ input: PlaceOrder, output: OrderRef, errors: { OUT_OF_STOCK: StockInfo }, timeout: "2s" });
 */
export function rpc<
  I extends Schema,
  O extends Schema,
  X extends ErrorSchemas = NoErrors,
  const S extends string = "",
>(options: RpcOptions<I, O, X, S> & { readonly stream: true }): Rpc<I, O, X, TemplateParams<S>> & Streaming;
export function rpc<
  I extends Schema,
  O extends Schema,
  X extends ErrorSchemas = NoErrors,
  const S extends string = "",
>(options: RpcOptions<I, O, X, S> & { readonly stream?: false }): Rpc<I, O, X, TemplateParams<S>>;
export function rpc(
  options: RpcOptions<Schema, Schema, ErrorSchemas, string> & { readonly stream?: boolean },
): Rpc<Schema, Schema, ErrorSchemas> {
  return Object.freeze({
    kind: "rpc",
    input: options.input,
    output: options.output,
    errors: Object.freeze({ ...options.errors }),
    timeoutMs: options.timeout === undefined ? undefined : durationMs(options.timeout, "timeout"),
    idempotent: options.idempotent ?? false,
    template: templateOf(options.subject),
    ...described(options),
    ...(options.stream === true && { streaming: true }),
  });
}

/** Options of {@link event}. */
export interface EventOptions<D extends Schema, S extends string> extends SpecOptions {
  readonly data: D;
  /** Subject template, such as `orders.{region}.created`. @default `<service>.<event>` */
  readonly subject?: S;
  /** Events of one key are handled in order by subscribers that ask for it. */
  readonly key?: (data: z.output<D>) => string;
  /**
   * Divides the events by their key, so that several processes share them and yet each key is worked on by one at a
   * time: every durable subscription has one owner for each partition, and another one when that is gone. The
   * partition is a further token of the subject. Do not change it while events are stored: keys would move.
   *
   * @default not partitioned
   */
  readonly partitions?: number;
  /** False for telemetry: sent at most once to those who listen now, never stored. @default true */
  readonly durable?: boolean;
}

/**
 * Declares an event.
 *
 * @example
 * const placed = event({ data: OrderPlaced, key: (e) => e.orderId });
 * const created = event({ subject: "orders.{region}.created", data: OrderCreated });
 */
export function event<D extends Schema, const S extends string = "">(
  options: EventOptions<D, S>,
): EventSpec<D, TemplateParams<S>> {
  return Object.freeze({
    kind: "event",
    data: options.data,
    key: options.key,
    partitions: options.partitions,
    durable: options.durable ?? true,
    template: templateOf(options.subject),
    ...described(options),
  });
}

/** Options of {@link task}. */
export interface TaskOptions<D extends Schema, S extends string> extends SpecOptions {
  readonly data: D;
  /** Subject template. @default `<service>.<task>` */
  readonly subject?: S;
  /** Tasks of one key are done in order by workers that ask for it. */
  readonly key?: (data: z.output<D>) => string;
  /** As with events: each partition has one process that works on it. @default not partitioned */
  readonly partitions?: number;
}

/** Declares a task: each message is processed by one worker. */
export function task<D extends Schema, const S extends string = "">(
  options: TaskOptions<D, S>,
): Task<D, TemplateParams<S>> {
  return Object.freeze({
    kind: "task",
    data: options.data,
    key: options.key,
    partitions: options.partitions,
    template: templateOf(options.subject),
    ...described(options),
  });
}

function templateOf(subject: string | undefined): SubjectTemplate | undefined {
  return subject === undefined ? undefined : new SubjectTemplate(subject);
}

function described(options: SpecOptions) {
  return { description: options.description, validate: options.validate ?? true };
}
