import { createHash } from "node:crypto";
import type { AnyEvent, Bound, Schema } from "@ganglion/core";
import { InvalidValue, WireForm, wireFault } from "@ganglion/core/internal";
import { type Duration, durationMs } from "@ganglion/kernel";
import { sagaError } from "./errors.js";
import { type RetryPolicy, resolveRetry, type StepRetry } from "./retry.js";

/** What {@link Saga} takes beside the name. */
export interface SagaOptions {
  /** Raise it when steps change. A worker leaves sagas of a newer version to newer workers. @default 1 */
  readonly version?: number;
  /** Schema of the input. The journal keeps its JSON form. */
  readonly input: Schema;
  /** How many sagas of this class one process runs at a time, 1 to 10,000. @default 64 */
  readonly concurrency?: number;
  /** How long a whole saga may take before it is compensated. @default no limit */
  readonly timeout?: Duration;
  /** How long the journal keeps a saga that has ended. @default "7d" */
  readonly retention?: Duration;
  /**
   * How long a worker may be silent before another one takes its sagas over. A worker that lives is never silent for
   * that long, however long a step takes. @default "15s"
   */
  readonly lease?: Duration;
}

/** An event a step can wait for: one of a contract. */
export type AwaitedEvent = AnyEvent & Bound;

/** What {@link Step} takes. Names are method names of the same class. */
export interface StepOptions {
  /** The method that undoes this step. */
  readonly compensate?: string;
  /**
   * The steps that must have ended before this one starts; their results can be read. Steps whose names are
   * all met run at the same time. @default every step declared above (their results cannot be read)
   */
  readonly after?: readonly string[];
  /** When the step throws. @default 3 attempts, `exponential(200ms, 5s)` */
  readonly retry?: StepRetry;
  /** When the compensation throws; after the last attempt the saga is stuck. @default 10 attempts, `exponential(200ms, 30s)` */
  readonly compensateRetry?: StepRetry;
  /** Of one attempt; with `waitFor`, how long to wait. @default "30s"; no limit with `waitFor` */
  readonly timeout?: Duration;
  /** Once this step has succeeded nothing is compensated any more: the saga can only go forward. */
  readonly pivot?: boolean;
  /**
   * Whatever the step calls answers every attempt with the same key alike. Then a definite failure tells that no attempt
   * had an effect; without it, one that follows an interrupted attempt leaves the step in doubt, and a pivot in doubt
   * needs an operator. @default false
   */
  readonly idempotent?: boolean;
  /** An event endpoint, or the name of a signal: the step's method runs once it has arrived. */
  readonly waitFor?: AwaitedEvent | string;
  /** Tells which saga an event belongs to. @default the `key` of the event's contract */
  // biome-ignore lint/suspicious/noExplicitAny: the data's type is the event's; a caller annotates it
  readonly correlate?: (data: any) => string;
  /** The method that runs instead when `waitFor` has not arrived within `timeout`. @default the step fails */
  readonly onTimeout?: string;
  /** How long to wait, durably, before the step starts. */
  readonly delay?: Duration;
  /** The method that tells whether to run this step at all; a skipped step has no result. */
  readonly when?: string;
}

/** A step as its decorator recorded it. */
export interface RecordedStep {
  readonly name: string;
  readonly options: StepOptions;
}

/** Everything the engine needs to know about one step. */
export interface StepDefinition {
  readonly name: string;
  /** Steps that must have ended before. */
  readonly after: readonly string[];
  /** Steps whose results the context shows. */
  readonly sees: readonly string[];
  readonly compensate: string | undefined;
  readonly retry: RetryPolicy;
  readonly compensateRetry: RetryPolicy;
  /** Of one attempt, in milliseconds. */
  readonly timeoutMs: number;
  readonly pivot: boolean;
  readonly idempotent: boolean;
  readonly wait: StepWait | undefined;
  readonly delayMs: number;
  readonly when: string | undefined;
}

/** What a step waits for before its method runs. */
export interface StepWait {
  /** The name under which the signal arrives; for an event, the name of the step. */
  readonly signal: string;
  readonly event: AwaitedEvent | undefined;
  readonly correlate: ((data: unknown) => string) | undefined;
  /** `undefined` waits without limit. */
  readonly timeoutMs: number | undefined;
  readonly onTimeout: string | undefined;
}

/** Moves inputs to and from the journal. */
export interface InputForm {
  /** Checks an input and gives what JSON can hold of it. @throws GanglionError `SAGA_INVALID_INPUT` */
  encode(input: unknown): unknown;
  /** The input as steps see it. */
  decode(wire: unknown): unknown;
}

/** A saga class, checked and frozen. */
export interface SagaDefinition {
  readonly name: string;
  readonly version: number;
  /** Changes when the order, the names or the compensations of the steps do. */
  readonly hash: string;
  readonly steps: ReadonlyMap<string, StepDefinition>;
  readonly input: InputForm;
  readonly concurrency: number;
  readonly timeoutMs: number | undefined;
  readonly retentionMs: number;
  readonly leaseMs: number;
}

/** What the decorators recorded about a class. */
export interface RecordedSaga {
  readonly name: string;
  readonly options: SagaOptions;
  readonly steps: readonly RecordedStep[];
  /** Tells whether the class has a method of that name. */
  readonly hasMethod: (name: string) => boolean;
}

const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]*$/;
const MAX_CONCURRENCY = 10_000;
const MIN_LEASE_MS = 500;
const DEFAULT_RETRY: StepRetry = { attempts: 3, backoff: "exponential(200ms, 5s)" };
const DEFAULT_COMPENSATE_RETRY: StepRetry = { attempts: 10, backoff: "exponential(200ms, 30s)" };

/**
 * Checks a recorded saga and gives its frozen definition.
 *
 * @throws GanglionError `SAGA_INVALID_DEFINITION` listing every fault at once.
 */
export function defineSaga(recorded: RecordedSaga): SagaDefinition {
  const faults = new Faults();
  const { name, options } = recorded;
  if (!NAME_PATTERN.test(name)) faults.add(`the name ${quote(name)} must match ${NAME_PATTERN.source}`);
  const version = options.version ?? 1;
  if (!Number.isSafeInteger(version) || version < 1) faults.add(`version ${version} must be an integer ≥ 1`);
  const concurrency = options.concurrency ?? 64;
  if (!Number.isSafeInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) {
    faults.add(`concurrency ${concurrency} must be an integer from 1 to ${MAX_CONCURRENCY}`);
  }
  const input = inputForm(name, options.input, faults);
  const steps = collectSteps(recorded, faults);
  checkGraph(steps, faults);
  const timeoutMs = faults.try(() => optionalMs(options.timeout, "timeout of the saga"));
  const retentionMs = faults.try(() => durationMs(options.retention ?? "7d", "retention")) ?? 0;
  const leaseMs = faults.try(() => durationMs(options.lease ?? "15s", "lease")) ?? 0;
  if (leaseMs < MIN_LEASE_MS) faults.add(`lease must be at least ${MIN_LEASE_MS} ms`);
  faults.throwIfAny(name);
  return Object.freeze({
    name,
    version,
    hash: hashOf(name, steps),
    steps,
    input,
    concurrency,
    timeoutMs,
    retentionMs,
    leaseMs,
  });
}

function inputForm(saga: string, schema: Schema, faults: Faults): InputForm {
  const fault = schema === undefined ? "is missing" : wireFault(schema);
  if (fault !== undefined) {
    faults.add(`input ${fault}`);
    return { encode: (input) => input, decode: (wire) => wire };
  }
  const checked = new WireForm(schema, true);
  const trusted = new WireForm(schema, false); // the journal holds only what was checked
  return {
    encode: (input) => {
      try {
        const text = checked.encodeText(input);
        return text === "" ? null : JSON.parse(text);
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        const details = { saga, issues: error.issues };
        throw sagaError("SAGA_INVALID_INPUT", `Input of saga ${saga}: ${error.summary}`, { details });
      }
    },
    decode: (wire) => trusted.check(wire),
  };
}

function collectSteps(recorded: RecordedSaga, faults: Faults): Map<string, StepDefinition> {
  const steps = new Map<string, StepDefinition>();
  const names = new Set(recorded.steps.map((step) => step.name));
  if (recorded.steps.length === 0) faults.add("it has no @Step");
  for (const step of recorded.steps) {
    if (steps.has(step.name)) faults.add(`step ${quote(step.name)} is declared twice`);
    checkNames(step, { names, hasMethod: recorded.hasMethod }, faults);
    const definition = faults.try(() => resolveStep(step, [...steps.keys()]));
    if (definition !== undefined) steps.set(step.name, Object.freeze(definition));
  }
  return steps;
}

function resolveStep(step: RecordedStep, earlier: readonly string[]): StepDefinition {
  const { name, options } = step;
  const of = `of step ${quote(name)}`;
  return {
    name,
    after: Object.freeze([...(options.after ?? earlier)]),
    sees: Object.freeze([...(options.after ?? [])]),
    compensate: options.compensate,
    retry: resolveRetry(options.retry ?? DEFAULT_RETRY, `retry ${of}`),
    compensateRetry: resolveRetry(
      options.compensateRetry ?? DEFAULT_COMPENSATE_RETRY,
      `compensateRetry ${of}`,
    ),
    timeoutMs: options.waitFor === undefined ? durationMs(options.timeout ?? "30s", `timeout ${of}`) : 30_000,
    pivot: options.pivot ?? false,
    idempotent: options.idempotent ?? false,
    wait: resolveWait(step),
    delayMs: durationMs(options.delay ?? 0, `delay ${of}`),
    when: options.when,
  };
}

function resolveWait({ name, options }: RecordedStep): StepWait | undefined {
  const { waitFor } = options;
  if (waitFor === undefined) return undefined;
  return Object.freeze({
    signal: typeof waitFor === "string" ? waitFor : name,
    event: typeof waitFor === "string" ? undefined : waitFor,
    correlate: options.correlate,
    timeoutMs: optionalMs(options.timeout, `timeout of step ${quote(name)}`),
    onTimeout: options.onTimeout,
  });
}

interface Known {
  readonly names: ReadonlySet<string>;
  readonly hasMethod: (name: string) => boolean;
}

function checkNames({ name, options }: RecordedStep, known: Known, faults: Faults): void {
  const step = `step ${quote(name)}`;
  for (const role of ["compensate", "onTimeout", "when"] as const) {
    const method = options[role];
    if (method === undefined) continue;
    if (!known.hasMethod(method)) faults.add(`${step} names ${quote(method)} as ${role}: no such method`);
    else if (known.names.has(method)) faults.add(`${step} names ${quote(method)} as ${role}: that is a step`);
  }
  for (const dependency of options.after ?? []) {
    if (!known.names.has(dependency)) faults.add(`${step} comes after ${quote(dependency)}: no such step`);
  }
  if (options.waitFor !== undefined && options.when !== undefined) {
    faults.add(`${step} has both waitFor and when: put the condition on a step of its own`);
  }
  if (options.waitFor === undefined) {
    for (const role of ["onTimeout", "correlate"] as const) {
      if (options[role] !== undefined) faults.add(`${step} has ${role} without waitFor`);
    }
  } else if (options.waitFor === "") {
    faults.add(`${step} waits for a signal without a name`);
  } else if (typeof options.waitFor === "object") {
    if (!options.waitFor.durable)
      faults.add(`${step} waits for ${options.waitFor.name}, which is not durable`);
    if ((options.correlate ?? options.waitFor.key) === undefined) {
      faults.add(
        `${step} waits for ${options.waitFor.name}, which has no key: say by correlate which saga it is for`,
      );
    }
  }
}

function checkGraph(steps: ReadonlyMap<string, StepDefinition>, faults: Faults): void {
  const cycle = findCycle(steps);
  if (cycle !== undefined) {
    faults.add(`steps wait for each other: ${cycle.map(quote).join(" after ")}`);
    return;
  }
  const pivots = [...steps.values()].filter((step) => step.pivot);
  if (pivots.length > 1)
    faults.add(`only one step can be the pivot: ${pivots.map((p) => quote(p.name)).join(", ")}`);
  for (const step of steps.values()) {
    if (step.compensate === undefined || step.pivot) continue;
    const pivot = pivots.find((candidate) => follows(steps, step.name, candidate.name));
    if (pivot !== undefined) {
      faults.add(
        `step ${quote(step.name)} follows the pivot ${quote(pivot.name)}: its compensation never runs`,
      );
    }
  }
}

/** Whether `name` can only start after `ancestor` has ended. The graph has no cycle. */
function follows(steps: ReadonlyMap<string, StepDefinition>, name: string, ancestor: string): boolean {
  const after = steps.get(name)?.after ?? [];
  return after.some((dependency) => dependency === ancestor || follows(steps, dependency, ancestor));
}

function findCycle(steps: ReadonlyMap<string, StepDefinition>): string[] | undefined {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const dependency of steps.get(name)?.after ?? []) {
      const cycle = visit(dependency, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const name of steps.keys()) {
    const cycle = visit(name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Policies (retry, timeouts) are left out: changing them does not change what a running saga means. */
function hashOf(name: string, steps: ReadonlyMap<string, StepDefinition>): string {
  const shape = [...steps.values()].map((step) => [
    step.name,
    step.after,
    step.compensate ?? null,
    step.pivot,
    step.wait?.signal ?? null,
  ]);
  return createHash("sha256")
    .update(JSON.stringify([name, shape]))
    .digest("hex")
    .slice(0, 16);
}

function optionalMs(duration: Duration | undefined, name: string): number | undefined {
  return duration === undefined ? undefined : durationMs(duration, name);
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** Gathers what is wrong, so that an author sees all of it at once. */
class Faults {
  private readonly found: string[] = [];

  add(fault: string): void {
    this.found.push(fault);
  }

  try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.add(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  throwIfAny(saga: string): void {
    if (this.found.length === 0) return;
    const list = this.found.map((fault) => `\n- ${fault}`).join("");
    throw sagaError("SAGA_INVALID_DEFINITION", `Saga ${quote(saga)} cannot be used:${list}`, {
      details: { saga, faults: this.found },
    });
  }
}
