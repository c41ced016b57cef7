import { type IncomingHeaders, type StoredMessage, WireForm } from "@ganglion/core/internal";
import { subjectMatches } from "@ganglion/protocol";
import type {
  HandlerDefinition,
  ProjectedEvent,
  ProjectionContext,
  ProjectionInstance,
  Source,
} from "./definition.js";
import type { Awaitable } from "./read-model.js";

/** Handles one message. */
export type EventHandler = (message: StoredMessage, view: unknown) => Awaitable<void>;

/** Subjects remembered; streams with named tokens can have any number. */
const MAX_CACHED_SUBJECTS = 10_000;

/** Finds the handler for a message of one stream. */
export class EventRouter {
  private readonly routes: readonly { readonly pattern: string; readonly handler: EventHandler }[];
  private cache = new Map<string, EventHandler | undefined>();

  constructor(source: Source, instance: ProjectionInstance) {
    this.routes = source.handlers.map((definition) => ({
      pattern: definition.event.template.pattern,
      handler: handlerOf(definition, { stream: source.stream, instance }),
    }));
  }

  /** Subjects to read. */
  get patterns(): readonly string[] {
    return this.routes.map((route) => route.pattern);
  }

  /** `undefined` for a message nobody listens to. */
  route(subject: string): EventHandler | undefined {
    if (this.cache.has(subject)) return this.cache.get(subject);
    const handler = this.routes.find(({ pattern }) => subjectMatches(pattern, subject))?.handler;
    if (this.cache.size >= MAX_CACHED_SUBJECTS) this.cache = new Map();
    this.cache.set(subject, handler);
    return handler;
  }
}

function handlerOf(
  { method, event }: HandlerDefinition,
  { stream, instance }: { readonly stream: string; readonly instance: ProjectionInstance },
): EventHandler {
  const form = new WireForm(event.data, event.validate);
  const run = instance[method];
  return (message, view) =>
    run?.call(
      instance,
      form.decode(message.data),
      new EventContext({ message, view, stream, event }),
    ) as Awaitable<void>; // the decorator saw to it
}

class EventContext implements ProjectionContext<unknown> {
  readonly tx: unknown;
  readonly stream: string;
  private readonly message: StoredMessage;
  private readonly event: ProjectedEvent;

  constructor(of: { message: StoredMessage; view: unknown; stream: string; event: ProjectedEvent }) {
    this.tx = of.view;
    this.stream = of.stream;
    this.message = of.message;
    this.event = of.event;
  }

  get sequence(): number {
    return this.message.sequence;
  }

  get subject(): string {
    return this.message.subject;
  }

  get params(): Readonly<Record<string, string>> {
    return this.event.template.params(this.message.subject);
  }

  get time(): Date {
    return new Date(this.message.timestampMs);
  }

  get headers(): IncomingHeaders {
    return this.message.headers;
  }
}
