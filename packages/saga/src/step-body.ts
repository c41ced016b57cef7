import type {
  AnyEvent,
  AnyRpc,
  AnySingleRpc,
  AnyTask,
  Ask,
  Bound,
  CallOptions,
  DataIn,
  Effects,
  EmitOptions,
  Emitted,
  Got,
  OptionsWithParams,
} from "@ganglion/core";
import { WireForm } from "@ganglion/core/internal";
import { type Clock, durationMs, type GanglionError, type Logger } from "@ganglion/kernel";
import { classify, type FailureClass } from "./compensation.js";
import type { CompensationContext, RejectOptions } from "./context.js";
import type { SagaDefinition } from "./definition.js";
import { sagaError } from "./errors.js";
import type { StepFailure } from "./journal.js";
import type { LazyAbort } from "./lazy-abort.js";
import type { Attempt, StepBody } from "./step-runner.js";

/** What {@link classBody} works with. */
export interface ClassBodyPorts {
  readonly definition: SagaDefinition;
  /** The saga class's object. */
  readonly instance: object;
  /** Effects that belong to no message: deadline, key and ids are given with each. */
  readonly effects: Effects;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As of every call. */
const DEFAULT_CALL_TIMEOUT_MS = 5_000;

/** Calls the methods of a saga class. */
export function classBody(ports: ClassBodyPorts): StepBody {
  const methods = ports.instance as Readonly<Record<string, (ctx: unknown, event: unknown) => unknown>>; // names were checked
  const events = eventForms(ports.definition);
  const doubtful = new WeakSet<object>();
  return {
    classify: (error) => {
      const found: FailureClass = classify(error);
      const doubt = typeof error === "object" && error !== null && doubtful.has(error);
      return doubt ? { definite: false, retryable: found.retryable } : found;
    },
    invoke: async (attempt) => {
      const ctx = new AttemptContext(ports, attempt);
      try {
        const form = events.get(attempt.step);
        return await methods[attempt.method]?.(
          ctx,
          form === undefined ? attempt.event : form.check(attempt.event),
        );
      } catch (error) {
        // It refused, but something it did before did happen, or may have.
        if (ctx.touched && typeof error === "object" && error !== null) doubtful.add(error);
        throw error;
      }
    },
  };
}

/** The journal keeps the JSON form of an event; methods get the decoded one. */
function eventForms(definition: SagaDefinition): ReadonlyMap<string, WireForm> {
  return new Map(
    [...definition.steps.values()].flatMap(({ name, wait }) =>
      wait?.event === undefined ? [] : [[name, new WireForm(wait.event.data, false)]],
    ),
  );
}

/** The context of one attempt: a step's and a compensation's at once. */
class AttemptContext implements CompensationContext {
  readonly saga: string;
  readonly id: string;
  readonly input: unknown;
  readonly step: string;
  readonly key: string;
  readonly attempt: number;
  readonly results: Readonly<Record<string, unknown>>;
  readonly failure: StepFailure;
  /** Something was done through the context, or may have been. */
  touched = false;
  private readonly limit: LazyAbort;
  private readonly deadlineMs: number;
  /** How often an endpoint was used: two calls of one endpoint must not share a key. */
  private readonly uses = new Map<string, number>();

  constructor(
    private readonly ports: ClassBodyPorts,
    attempt: Attempt,
  ) {
    this.saga = attempt.saga;
    this.id = attempt.id;
    this.input = ports.definition.input.decode(attempt.input);
    this.step = attempt.step;
    this.key = attempt.key;
    this.attempt = attempt.attempt;
    this.limit = attempt.limit;
    this.results = attempt.results;
    this.failure = attempt.failure;
    this.deadlineMs = attempt.deadlineMs;
  }

  get signal(): AbortSignal {
    return this.limit.signal;
  }

  get log(): Logger {
    return this.ports.logger.child({ saga: this.saga, id: this.id, step: this.step, attempt: this.attempt });
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.ports.clock.monotonicMs());
  }

  reject(reason: string, { data, cause }: RejectOptions = {}): GanglionError {
    const details = { saga: this.saga, id: this.id, step: this.step, ...(data !== undefined && { data }) };
    return sagaError("SAGA_STEP_REJECTED", reason, { details, cause });
  }

  call<E extends AnySingleRpc & Bound>(
    endpoint: E,
    input: Ask<E>,
    ...[options]: OptionsWithParams<E, CallOptions>
  ): Promise<Got<E>> {
    const timeoutMs = durationMs(
      options?.timeout ?? endpoint.timeoutMs ?? DEFAULT_CALL_TIMEOUT_MS,
      "timeout",
    );
    const bound = {
      signal: this.signal,
      idempotencyKey: this.keyFor(endpoint),
      ...options,
      timeout: Math.min(timeoutMs, this.remainingMs()),
    };
    return this.touch(
      this.ports.effects.call(endpoint, input, ...([bound] as OptionsWithParams<E, CallOptions>)),
    );
  }

  emit<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    const bound = { id: this.keyFor(event), ...options };
    return this.touch(
      this.ports.effects.emit(event, data, ...([bound] as OptionsWithParams<E, EmitOptions>)),
    );
  }

  publish<E extends AnyEvent>(
    event: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): void {
    this.touched = true;
    const bound = { id: this.keyFor(event), ...options };
    this.ports.effects.publish(event, data, ...([bound] as OptionsWithParams<E, EmitOptions>));
  }

  enqueue<E extends AnyTask>(
    task: E,
    data: DataIn<E>,
    ...[options]: OptionsWithParams<E, EmitOptions>
  ): Promise<Emitted> {
    const bound = { id: this.keyFor(task), ...options };
    return this.touch(
      this.ports.effects.enqueue(task, data, ...([bound] as OptionsWithParams<E, EmitOptions>)),
    );
  }

  private async touch<T>(effect: Promise<T>): Promise<T> {
    try {
      const result = await effect;
      this.touched = true;
      return result;
    } catch (error) {
      if (!classify(error).definite) this.touched = true;
      throw error;
    }
  }

  /** The step's key for the first use of each endpoint; the same again in every attempt that does the same. */
  private keyFor(endpoint: AnyRpc | AnyEvent | AnyTask): string {
    const { service = "", name = "" } = endpoint as Partial<Bound>;
    const target = endpoint.kind === "rpc" ? `${service}.${name}` : `${endpoint.kind} ${service}.${name}`;
    const use = (this.uses.get(target) ?? 0) + 1;
    this.uses.set(target, use);
    const key = endpoint.kind === "rpc" ? this.key : `${this.key}:${service}.${name}`;
    return use === 1 ? key : `${key}:${use}`;
  }
}
