import type { AnyEvent, Bound, ParamsOf } from "@ganglion/core";
import { type IncomingHeaders, type Method, streamNameOf } from "@ganglion/core/internal";
import { eventSourcingError } from "../errors.js";
import type { ReadModelStore } from "./read-model.js";

/** An event a projection can listen to: one of a contract. */
export type ProjectedEvent = AnyEvent & Bound;

/** What {@link Projection} takes beside the name. */
export interface ProjectionOptions<View = unknown> {
  /**
   * Raise it when handlers change what rows look like: the new version is built beside the old rows and then takes
   * their place. @default 1
   */
  readonly version?: number;
  /** Where rows are kept. */
  readonly store: ReadModelStore<View>;
}

/**
 * What an event handler is given beside the event.
 *
 * @typeParam View - of the store: `Rows<Row>` for `memory()` and `kv()`.
 */
export interface ProjectionContext<View, E = unknown> {
  /** The rows, in the transaction that also moves the checkpoint. */
  readonly tx: View;
  /** Position of the event in its stream, from 1. */
  readonly sequence: number;
  readonly stream: string;
  readonly subject: string;
  /** Values of the subject's named tokens. */
  readonly params: ParamsOf<E>;
  /** When the server stored the event: use it instead of the clock, so that a replay gives the same rows. */
  readonly time: Date;
  readonly headers: IncomingHeaders;
}

/** A handler as its decorator recorded it. */
export interface RecordedHandler {
  readonly method: string;
  /** Of a contract, unless the author forgot. */
  readonly event: AnyEvent;
}

/** What the decorators recorded about a class. */
export interface RecordedProjection {
  readonly name: string;
  readonly options: ProjectionOptions;
  readonly handlers: readonly RecordedHandler[];
}

/** A method for an event. */
export interface HandlerDefinition {
  readonly method: string;
  readonly event: ProjectedEvent;
}

/** The events of one stream a projection listens to. */
export interface Source {
  readonly stream: string;
  readonly handlers: readonly HandlerDefinition[];
}

/** A projection class, checked and frozen. */
export interface ProjectionDefinition<View = unknown> {
  readonly name: string;
  readonly version: number;
  readonly store: ReadModelStore<View>;
  readonly sources: readonly Source[];
}

const NAME_PATTERN = /^[A-Za-z0-9_-]+$/;

/**
 * Checks a recorded projection and gives its frozen definition.
 *
 * @throws GanglionError `PROJECTION_INVALID_DEFINITION` listing every fault at once.
 */
export function defineProjection({ name, options, handlers }: RecordedProjection): ProjectionDefinition {
  const faults: string[] = [];
  const version = options.version ?? 1;
  if (!NAME_PATTERN.test(name))
    faults.push(`the name ${JSON.stringify(name)} must match ${NAME_PATTERN.source}`);
  if (!Number.isSafeInteger(version) || version < 1) faults.push(`version ${version} must be an integer ≥ 1`);
  if (typeof options.store?.open !== "function") faults.push("it has no store, such as memory() or kv()");
  if (handlers.length === 0) faults.push("it has no method with @On");
  const methodByPattern = new Map<string, string>();
  const bound = handlers.flatMap(({ method, event }) => {
    const { name: known, contract } = event as Partial<ProjectedEvent>;
    if (contract === undefined || !event.durable) {
      const fault =
        contract === undefined ? "belongs to no contract" : "is not durable: it is stored nowhere";
      faults.push(`${method} listens to ${known ?? "an event"}, which ${fault}`);
      return [];
    }
    const { pattern } = (event as ProjectedEvent).template; // it belongs to a contract
    const twin = methodByPattern.get(pattern);
    if (twin !== undefined) faults.push(`${twin} and ${method} listen to the same event ${known}`);
    methodByPattern.set(pattern, method);
    return [{ method, event: event as ProjectedEvent }];
  });
  if (faults.length > 0) {
    const list = faults.map((fault) => `\n- ${fault}`).join("");
    throw eventSourcingError(
      "PROJECTION_INVALID_DEFINITION",
      `Projection ${JSON.stringify(name)} cannot be used:${list}`,
      { details: { projection: name, faults } },
    );
  }
  return Object.freeze({ name, version, store: options.store, sources: Object.freeze(sourcesOf(bound)) });
}

function sourcesOf(handlers: readonly HandlerDefinition[]): Source[] {
  const byStream = new Map<string, HandlerDefinition[]>();
  for (const handler of handlers) {
    const stream = streamNameOf(handler.event);
    byStream.set(stream, [...(byStream.get(stream) ?? []), handler]);
  }
  return [...byStream].map(([stream, found]) => Object.freeze({ stream, handlers: Object.freeze(found) }));
}

/** A projection class' object, by method name. */
export type ProjectionInstance = Readonly<Record<string, Method>>;
