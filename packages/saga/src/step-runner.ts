import { ServiceError } from "@ganglion/core";
import {
  type Clock,
  deferred,
  GanglionError,
  type Logger,
  type Observer,
  pause,
  type Span,
} from "@ganglion/kernel";
import type { FailureClass } from "./compensation.js";
import type { SagaDefinition, StepDefinition } from "./definition.js";
import { sagaError } from "./errors.js";
import type { SagaEvent } from "./instance.js";
import type { SagaEntry, StepFailure, StepRecord } from "./journal.js";
import { LazyAbort } from "./lazy-abort.js";
import type { RetryPolicy } from "./retry.js";

/** One call of a step's method. */
export interface Attempt {
  readonly saga: string;
  readonly id: string;
  readonly step: string;
  /** The method of the saga class to call. */
  readonly method: string;
  /** The same for every attempt: `<saga id>:<step>`, with `:compensate` for a compensation. */
  readonly key: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly compensation: boolean;
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  /** Why the saga is compensated; of no meaning for a step. */
  readonly failure: StepFailure;
  /** What arrived, for a step with `waitFor`. */
  readonly event: unknown;
  /** Aborted at the step's timeout, and when the saga is lost to another worker or the app stops. */
  readonly limit: LazyAbort;
  /** Milliseconds by the monotonic clock at which the attempt times out. */
  readonly deadlineMs: number;
}

/** The outside of a step: the saga class and what its context reaches. */
export interface StepBody {
  /** Calls the method with a context. */
  invoke(attempt: Attempt): Promise<unknown>;
  /** Sorts what a method threw. */
  classify(error: unknown): FailureClass;
}

/** What steps are run with. */
export interface StepPorts {
  readonly definition: SagaDefinition;
  readonly body: StepBody;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly logger: Logger;
}

/** A longer backoff is waited for durably, without a worker. */
const LONGEST_INLINE_BACKOFF_MS = 1_000;

/** Which step of a saga is to be run, as its entry says. */
export interface StepTask {
  readonly entry: SagaEntry;
  readonly name: string;
  /** Aborted when nobody is interested in the outcome any more. */
  readonly abort: LazyAbort;
}

/**
 * Runs one step (or the compensation of one) with its retries, and tells what came of it.
 *
 * @returns `undefined` when it was aborted.
 */
export function runStep(ports: StepPorts, task: StepTask): Promise<SagaEvent | undefined> {
  return new StepWork(ports, task).run();
}

class StepWork {
  private readonly entry: SagaEntry;
  private readonly step: StepDefinition;
  private readonly record: StepRecord;
  private readonly name: string;
  private readonly abort: LazyAbort;
  private readonly compensation: boolean;
  /** An attempt may have had an effect. */
  private doubt = false;

  constructor(
    private readonly ports: StepPorts,
    { entry, name, abort }: StepTask,
  ) {
    this.entry = entry;
    this.name = name;
    this.abort = abort;
    this.step = ports.definition.steps.get(name) as StepDefinition; // the caller checked the entry against it
    this.record = entry.steps[name] as StepRecord; // the entry says that it is to be run
    this.compensation = this.record.state === "compensating";
  }

  async run(): Promise<SagaEvent | undefined> {
    const policy = this.compensation ? this.step.compensateRetry : this.step.retry;
    for (let attempts = (this.record.attempts ?? 0) + 1; ; attempts++) {
      try {
        return await this.attempt(attempts);
      } catch (error) {
        if (this.abort.aborted) return undefined;
        const backoffMs = this.backoff(policy, attempts, error);
        if (backoffMs === undefined) return this.failed(error);
        if (backoffMs > LONGEST_INLINE_BACKOFF_MS) return this.later(error, { attempts, backoffMs });
        await pause(this.ports.clock, backoffMs, this.abort.signal);
        if (this.abort.aborted) return undefined;
      }
    }
  }

  /** Milliseconds until the next attempt; `undefined`: there is none. */
  private backoff(policy: RetryPolicy, attempts: number, error: unknown): number | undefined {
    const { definite, retryable } = this.ports.body.classify(error);
    if (!definite) this.doubt = true;
    this.ports.logger.debug("saga step failed", {
      saga: this.entry.saga,
      id: this.entry.id,
      step: this.name,
      attempts,
      error,
    });
    return retryable && attempts < policy.attempts ? policy.delayMs(attempts) : undefined;
  }

  private async attempt(attempt: number): Promise<SagaEvent> {
    if (!this.compensation && this.step.when !== undefined) {
      const wanted = await this.call(this.step.when, attempt);
      if (wanted === false) return { type: "skipped", step: this.name, atMs: this.ports.clock.nowMs() };
    }
    const result = await this.call(this.method(), attempt);
    const atMs = this.ports.clock.nowMs();
    return this.compensation
      ? { type: "compensated", step: this.name, atMs }
      : { type: "succeeded", step: this.name, result: jsonCopy(result, this.name), atMs };
  }

  private method(): string {
    if (this.compensation) return this.step.compensate ?? this.name;
    return this.record.expired === true ? (this.step.wait?.onTimeout ?? this.name) : this.name;
  }

  private async call(method: string, attempt: number): Promise<unknown> {
    const { observer } = this.ports;
    if (!observer.tracing) return await this.callWithin(method, attempt);
    const span = this.startSpan(method, attempt);
    try {
      return await span.run(() => this.callWithin(method, attempt));
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  private startSpan(method: string, attempt: number): Span {
    const { trace, saga, id } = this.entry;
    return this.ports.observer.startSpan({
      name: `saga ${saga}.${method}`,
      kind: "internal",
      parent: (header) => trace[header],
      attributes: {
        "ganglion.saga.name": saga,
        "ganglion.saga.id": id,
        "ganglion.saga.step": this.name,
        "ganglion.saga.compensation": this.compensation,
        "ganglion.saga.attempt": attempt,
      },
    });
  }

  private async callWithin(method: string, attempt: number): Promise<unknown> {
    const { clock } = this.ports;
    const { timeoutMs } = this.step;
    const limit = new LazyAbort();
    const cut = deferred<never>();
    limit.onAbort(cut.reject);
    const stop = this.abort.onAbort((reason) => limit.abort(reason));
    const timer = clock.schedule(timeoutMs, () => limit.abort(this.timeoutError()));
    try {
      const described = this.describe(method, {
        attempt,
        limit,
        deadlineMs: clock.monotonicMs() + timeoutMs,
      });
      return await Promise.race([this.ports.body.invoke(described), cut.promise]);
    } finally {
      timer.cancel();
      stop();
    }
  }

  private describe(method: string, limits: Pick<Attempt, "attempt" | "limit" | "deadlineMs">): Attempt {
    const { saga, id, input } = this.entry;
    return {
      saga,
      id,
      step: this.name,
      method,
      key: `${saga}:${id}:${this.name}${this.compensation ? ":compensate" : ""}`,
      compensation: this.compensation,
      input,
      results: this.results(),
      failure: this.entry.failure ?? NO_FAILURE,
      event: this.record.signal?.data,
      ...limits,
    };
  }

  /** A step sees the steps it names; a compensation sees every step that has a result. */
  private results(): Readonly<Record<string, unknown>> {
    const names = this.compensation ? Object.keys(this.entry.steps) : this.step.sees;
    if (names.length === 0) return NO_RESULTS;
    return Object.freeze(Object.fromEntries(names.map((name) => [name, this.entry.steps[name]?.result])));
  }

  private timeoutError(): GanglionError {
    const { saga, id } = this.entry;
    const message = `Step ${this.name} of saga ${saga} ${id} did not answer within ${this.step.timeoutMs} ms`;
    return sagaError("SAGA_STEP_TIMEOUT", message, {
      retryable: true,
      details: { saga, id, step: this.name, timeoutMs: this.step.timeoutMs },
    });
  }

  private failed(error: unknown): SagaEvent {
    return {
      type: "failed",
      step: this.name,
      error: describeError(this.name, error),
      definite: !this.doubt,
      atMs: this.ports.clock.nowMs(),
    };
  }

  private later(error: unknown, retry: { attempts: number; backoffMs: number }): SagaEvent {
    const atMs = this.ports.clock.nowMs();
    return {
      type: "retry-later",
      step: this.name,
      error: describeError(this.name, error),
      definite: !this.doubt,
      attempts: retry.attempts,
      dueAtMs: atMs + retry.backoffMs,
      atMs,
    };
  }
}

const NO_RESULTS = Object.freeze({});
const NO_FAILURE: StepFailure = Object.freeze({ step: "", code: "", message: "" });
const MAX_MESSAGE_LENGTH = 500;

function describeError(step: string, error: unknown): StepFailure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE_LENGTH);
  if (!(error instanceof GanglionError)) return { step, code: "STEP_FAILED", message };
  const data = error instanceof ServiceError ? error.data : error.details.data;
  return { step, code: error.code, message, ...(data === undefined ? {} : { data }) };
}

/** What the journal will give back, so that later steps see the same value before and after a crash. */
function jsonCopy(value: unknown, step: string): unknown {
  if (value === undefined || value === null) return value;
  if (typeof value === "string" || typeof value === "boolean") return value;
  try {
    return JSON.parse(JSON.stringify(value));
  } catch (cause) {
    const message = `Step ${step} returned a value JSON cannot hold: ${cause}`;
    throw sagaError("SAGA_RESULT_NOT_JSON", message, { details: { step }, cause });
  }
}
