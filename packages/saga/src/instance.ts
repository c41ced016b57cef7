import { assertNever } from "@ganglion/kernel";
import { isPastPivot, nextToCompensate, pivotInDoubt } from "./compensation.js";
import type { SagaDefinition, StepDefinition } from "./definition.js";
import { hasEnded, type SagaEntry, type SagaStatus, type StepFailure, type StepRecord } from "./journal.js";

/** Something that happened to a saga. `atMs` is the worker's wall clock, in milliseconds since 1970. */
export type SagaEvent = { readonly atMs: number } & (
  | { readonly type: "woken" }
  | { readonly type: "taken-over" }
  | { readonly type: "interrupted" }
  | { readonly type: "renewed" }
  | { readonly type: "succeeded"; readonly step: string; readonly result: unknown }
  | { readonly type: "skipped"; readonly step: string }
  | {
      readonly type: "failed";
      readonly step: string;
      readonly error: StepFailure;
      /** False: the step may have had an effect. */
      readonly definite: boolean;
    }
  | {
      readonly type: "retry-later";
      readonly step: string;
      readonly error: StepFailure;
      readonly definite: boolean;
      readonly attempts: number;
      readonly dueAtMs: number;
    }
  | { readonly type: "compensated"; readonly step: string }
  | { readonly type: "signalled"; readonly name: string; readonly data: unknown; readonly sequence: number }
  | { readonly type: "cancelled"; readonly reason: string; readonly sequence: number }
  | { readonly type: "retried"; readonly sequence: number }
  | { readonly type: "terminated"; readonly reason: string; readonly sequence: number }
  | { readonly type: "stuck"; readonly reason: string }
);

/** Signals kept for steps that do not wait yet; a further one pushes out the oldest. */
export const MAX_BUFFERED_SIGNALS = 100;
/** Sequences of triggers an entry remembers. */
const MAX_APPLIED = 64;
/** Timeline items an entry keeps: the newest. */
const MAX_TIMELINE = 100;

/** What a saga starts with. */
export interface SagaStart {
  readonly id: string;
  readonly input: unknown;
  readonly atMs: number;
  readonly trace: Readonly<Record<string, string>>;
  /** Sequence of the trigger. */
  readonly sequence: number;
}

/** The first entry of a saga, with its first steps to be run. The writer fills in `nonce` and `owner`. */
export function startEntry(definition: SagaDefinition, start: SagaStart): SagaEntry {
  const entry: SagaEntry = {
    format: 1,
    nonce: "",
    owner: "",
    atMs: start.atMs,
    saga: definition.name,
    id: start.id,
    version: definition.version,
    hash: definition.hash,
    status: "running",
    input: start.input,
    startedAtMs: start.atMs,
    trace: start.trace,
    steps: {},
    ended: [],
    signals: [],
    applied: [start.sequence],
    takeovers: 0,
    timeline: [],
  };
  return settle(definition, note(entry, start.atMs, "started"), start.atMs);
}

/**
 * The entry after an event: a pure function, which also decides what comes next. Steps that are `running` or
 * `compensating` (and not due later) in the result are to be run once it is in the journal.
 */
export function apply(definition: SagaDefinition, entry: SagaEntry, event: SagaEvent): SagaEntry {
  if (hasEnded(entry.status)) return entry;
  const next = { ...change(definition, entry, event), atMs: event.atMs };
  return settle(definition, next, event.atMs);
}

function change(definition: SagaDefinition, entry: SagaEntry, event: SagaEvent): SagaEntry {
  switch (event.type) {
    case "renewed":
      return entry;
    case "woken":
      return passTime(definition, entry, event.atMs);
    case "taken-over":
      return passTime(definition, takeOver(entry, event.atMs), event.atMs);
    case "interrupted":
      return note(doubtRunning(entry), event.atMs, "interrupted");
    case "succeeded":
      return progress(entry, event, { state: "done", result: event.result });
    case "skipped":
      return progress(entry, event, { state: "skipped" });
    case "failed":
      return fail(definition, entry, event);
    case "retry-later":
      return retryLater(entry, event);
    case "compensated":
      return progress(entry, event, {
        ...without(record(entry, event.step), "dueAtMs"),
        state: "compensated",
      });
    case "signalled":
      return signal(definition, account(entry, event.sequence), event);
    case "cancelled":
      return cancel(definition, account(entry, event.sequence), event);
    case "retried":
      return retryStuck(account(entry, event.sequence), event.atMs);
    case "terminated":
      return {
        ...note(account(entry, event.sequence), event.atMs, "terminated", event.reason),
        status: "terminated",
      };
    case "stuck":
      return { ...note(entry, event.atMs, "stuck", event.reason), stuck: event.reason };
    default:
      return assertNever(event, "saga event");
  }
}

function takeOver(entry: SagaEntry, atMs: number): SagaEntry {
  return note({ ...doubtRunning(entry), takeovers: entry.takeovers + 1 }, atMs, "taken over");
}

/** A worker vanished or was stopped: whatever it was running may or may not have had its effect. */
function doubtRunning(entry: SagaEntry): SagaEntry {
  let steps = entry.steps;
  for (const [name, step] of Object.entries(steps)) {
    if (step.state === "running") steps = { ...steps, [name]: { ...step, doubt: true } };
  }
  return { ...entry, steps };
}

type StepEvent = { readonly step: string; readonly atMs: number; readonly type: string };

function progress(entry: SagaEntry, event: StepEvent, step: StepRecord): SagaEntry {
  const ended = step.state === "done" ? [...entry.ended, event.step] : entry.ended;
  const next = { ...withStep(entry, event.step, step), ended, takeovers: 0 };
  return note(next, event.atMs, event.type, event.step);
}

type FailedEvent = Extract<SagaEvent, { type: "failed" }>;

function fail(definition: SagaDefinition, entry: SagaEntry, event: FailedEvent): SagaEntry {
  const before = record(entry, event.step);
  if (before.state === "compensating") {
    const reason = `compensation of ${event.step} failed: ${event.error.message}`;
    const kept = { ...without(before, "dueAtMs"), error: event.error };
    return { ...note(withStep(entry, event.step, kept), event.atMs, "stuck", reason), stuck: reason };
  }
  // Of an idempotent step the last answer is the answer to every attempt.
  const wasInDoubt = before.doubt === true && definition.steps.get(event.step)?.idempotent !== true;
  const doubt = wasInDoubt || !event.definite;
  const step: StepRecord = { state: "failed", error: event.error, ...(doubt ? { doubt } : {}) };
  const failed = {
    ...withStep(entry, event.step, step),
    ended: doubt ? [...entry.ended, event.step] : entry.ended,
    failure: entry.failure ?? event.error,
    takeovers: 0,
  };
  const what = doubt ? "failed in doubt" : "failed";
  return note(
    failed,
    event.atMs,
    what,
    `${definition.steps.has(event.step) ? event.step : "?"}: ${event.error.code}`,
  );
}

type RetryEvent = Extract<SagaEvent, { type: "retry-later" }>;

function retryLater(entry: SagaEntry, event: RetryEvent): SagaEntry {
  const before = record(entry, event.step);
  const { attempts, dueAtMs, error } = event;
  const doubt = before.doubt === true || !event.definite;
  const step: StepRecord =
    before.state === "compensating"
      ? { ...before, attempts, dueAtMs, error }
      : {
          ...before,
          state: "waiting",
          waitsFor: "retry",
          attempts,
          dueAtMs,
          error,
          ...(doubt ? { doubt } : {}),
        };
  return note(withStep(entry, event.step, step), event.atMs, "retries later", event.step);
}

type SignalEvent = Extract<SagaEvent, { type: "signalled" }>;

function signal(definition: SagaDefinition, entry: SagaEntry, event: SignalEvent): SagaEntry {
  const { name, data, atMs } = event;
  const candidates = [...definition.steps.values()].filter((step) => step.wait?.signal === name);
  const waiting = candidates.find((step) => {
    const state = entry.steps[step.name];
    return state?.state === "waiting" && state.waitsFor === "signal";
  });
  if (waiting !== undefined && entry.failure === undefined) {
    const step: StepRecord = { state: "running", signal: { data } };
    return note(withStep(entry, waiting.name, step), atMs, "signalled", name);
  }
  const later = candidates.some((step) => {
    const state = entry.steps[step.name];
    return state === undefined || (state.state === "waiting" && state.waitsFor === "delay");
  });
  if (!later || entry.failure !== undefined) return note(entry, atMs, "signal ignored", name);
  const signals = [...entry.signals, { name, data }].slice(-MAX_BUFFERED_SIGNALS);
  return note({ ...entry, signals }, atMs, "signal kept", name);
}

type CancelEvent = Extract<SagaEvent, { type: "cancelled" }>;

function cancel(definition: SagaDefinition, entry: SagaEntry, event: CancelEvent): SagaEntry {
  if (entry.failure !== undefined || isPastPivot(definition, entry)) {
    return note(entry, event.atMs, "cancel ignored", event.reason);
  }
  const failure = { step: "", code: "CANCELLED", message: event.reason };
  return { ...note(entry, event.atMs, "cancelled", event.reason), failure };
}

function retryStuck(entry: SagaEntry, atMs: number): SagaEntry {
  if (entry.status !== "stuck") return note(entry, atMs, "retry ignored");
  let steps = entry.steps;
  let failure = entry.failure;
  let ended = entry.ended;
  const compensating = Object.values(steps).some((step) => step.state === "compensating");
  for (const [name, step] of Object.entries(steps)) {
    if (step.state === "compensating") {
      steps = { ...steps, [name]: without(without(step, "dueAtMs"), "attempts") };
    } else if (step.state === "failed" && !compensating) {
      // Stuck past the pivot, or with the pivot in doubt: the only way is forward.
      steps = { ...steps, [name]: { state: "running", ...(step.doubt ? { doubt: true } : {}) } };
      ended = ended.filter((other) => other !== name);
      failure = undefined;
    }
  }
  const cleared = without(without(without(entry, "stuck"), "failure"), "dueAtMs");
  const next = { ...cleared, ...(failure === undefined ? {} : { failure }), steps, ended, takeovers: 0 };
  return note({ ...next, status: "running" }, atMs, "retried");
}

/** Moves on what waits for a time that has come. */
function passTime(definition: SagaDefinition, entry: SagaEntry, nowMs: number): SagaEntry {
  let next = entry;
  for (const [name, step] of Object.entries(entry.steps)) {
    if (step.dueAtMs === undefined || step.dueAtMs > nowMs) continue;
    const rest = without(step, "dueAtMs");
    if (step.state === "compensating") {
      next = withStep(next, name, rest);
    } else if (step.waitsFor === "signal") {
      next = expire(definition, next, { name, atMs: nowMs });
    } else if (step.waitsFor === "delay") {
      next = begin(definition, next, { name, nowMs, delayed: true });
    } else if (step.waitsFor === "retry") {
      next = withStep(next, name, { ...without(rest, "waitsFor"), state: "running" });
    }
  }
  return next;
}

function expire(
  definition: SagaDefinition,
  entry: SagaEntry,
  wait: { name: string; atMs: number },
): SagaEntry {
  const { name, atMs } = wait;
  const { onTimeout, signal: awaited } = definition.steps.get(name)?.wait ?? {};
  if (onTimeout !== undefined) {
    return note(withStep(entry, name, { state: "running", expired: true }), atMs, "wait expired", name);
  }
  const message = `${awaited} did not arrive in time`;
  const error = { step: name, code: "SAGA_WAIT_TIMEOUT", message };
  return fail(definition, entry, { type: "failed", step: name, atMs, error, definite: true });
}

/** Decides what comes next and what the saga's status is. */
function settle(definition: SagaDefinition, entry: SagaEntry, nowMs: number): SagaEntry {
  if (hasEnded(entry.status)) return entry;
  if (entry.stuck !== undefined) return withStatus(entry, "stuck");
  const expired = expireSaga(definition, entry, nowMs);
  return expired.failure === undefined
    ? settleForward(definition, expired, nowMs)
    : settleBackward(definition, expired, nowMs);
}

function expireSaga(definition: SagaDefinition, entry: SagaEntry, nowMs: number): SagaEntry {
  const deadlineMs = deadlineOf(definition, entry);
  if (deadlineMs === undefined || nowMs < deadlineMs || entry.failure !== undefined) return entry;
  const failure = {
    step: "",
    code: "SAGA_TIMEOUT",
    message: `the saga took longer than ${definition.timeoutMs} ms`,
  };
  return { ...note(entry, nowMs, "saga timed out"), failure };
}

function deadlineOf(definition: SagaDefinition, entry: SagaEntry): number | undefined {
  if (definition.timeoutMs === undefined || isPastPivot(definition, entry)) return undefined;
  return entry.startedAtMs + definition.timeoutMs;
}

function settleForward(definition: SagaDefinition, entry: SagaEntry, nowMs: number): SagaEntry {
  let next = entry;
  let running = false;
  let open = false;
  for (const step of definition.steps.values()) {
    if (next.steps[step.name] === undefined && step.after.every((name) => isOver(next.steps[name]))) {
      next = begin(definition, next, { name: step.name, nowMs, delayed: false });
    }
    const state = next.steps[step.name];
    if (!isOver(state)) open = true;
    if (state?.state === "running") running = true;
  }
  if (!open) return note(withStatus({ ...next, signals: [] }, "completed"), nowMs, "completed");
  if (running) return withStatus(next, "running");
  return withStatus(next, "suspended", deadlineOf(definition, next));
}

/** Whether later steps need not wait for it. */
function isOver(step: StepRecord | undefined): boolean {
  return step?.state === "done" || step?.state === "skipped";
}

interface Beginning {
  readonly name: string;
  readonly nowMs: number;
  /** Its delay is over. */
  readonly delayed: boolean;
}

function begin(definition: SagaDefinition, entry: SagaEntry, { name, nowMs, delayed }: Beginning): SagaEntry {
  const step = definition.steps.get(name) as StepDefinition; // names come from the definition or from its records
  if (step.delayMs > 0 && !delayed) {
    return withStep(entry, name, { state: "waiting", waitsFor: "delay", dueAtMs: nowMs + step.delayMs });
  }
  if (step.wait === undefined) return withStep(entry, name, { state: "running" });
  const arrived = entry.signals.findIndex((kept) => kept.name === step.wait?.signal);
  const kept = entry.signals[arrived];
  if (kept !== undefined) {
    const signals = entry.signals.filter((_, index) => index !== arrived);
    return withStep({ ...entry, signals }, name, { state: "running", signal: { data: kept.data } });
  }
  const { timeoutMs } = step.wait;
  const due = timeoutMs === undefined ? {} : { dueAtMs: nowMs + timeoutMs };
  return withStep(entry, name, { state: "waiting", waitsFor: "signal", ...due });
}

function settleBackward(definition: SagaDefinition, entry: SagaEntry, nowMs: number): SagaEntry {
  let next = dropWaiting(entry);
  const states = Object.values(next.steps);
  if (states.some((step) => step.state === "running")) return withStatus(next, "running");
  if (next.failure?.step === "" && isPastPivot(definition, next)) {
    // Cancelled or timed out while the pivot ran, and the pivot succeeded: it came too late.
    return settleForward(definition, without(next, "failure"), nowMs);
  }
  const reason = isPastPivot(definition, next)
    ? `${next.failure?.step || "saga"} failed past the pivot: ${next.failure?.message}`
    : pivotInDoubt(definition, next);
  if (reason !== undefined) {
    return note({ ...withStatus(next, "stuck"), stuck: reason }, nowMs, "stuck", reason);
  }
  const undoing = states.find((step) => step.state === "compensating");
  if (undoing === undefined) {
    const step = nextToCompensate(definition, next);
    if (step === undefined) {
      return note(withStatus({ ...next, signals: [] }, "compensated"), nowMs, "compensated");
    }
    next = withStep(next, step, { ...without(record(next, step), "attempts"), state: "compensating" });
  }
  return withStatus(next, undoing?.dueAtMs === undefined ? "compensating" : "suspended");
}

/** A failed saga waits for nothing; a step between two attempts may have had its effect. */
function dropWaiting(entry: SagaEntry): SagaEntry {
  let { steps, ended } = entry;
  for (const [name, step] of Object.entries(steps)) {
    if (step.state !== "waiting") continue;
    if (step.doubt === true) {
      steps = { ...steps, [name]: { ...without(without(step, "dueAtMs"), "waitsFor"), state: "failed" } };
      ended = [...ended, name];
    } else {
      steps = without(steps, name);
    }
  }
  return { ...entry, steps, ended };
}

function withStatus(entry: SagaEntry, status: SagaStatus, deadlineMs?: number): SagaEntry {
  const plain = without({ ...entry, status }, "dueAtMs");
  if (status !== "suspended") return plain;
  const due = Object.values(entry.steps).flatMap((step) => step.dueAtMs ?? []);
  if (deadlineMs !== undefined) due.push(deadlineMs);
  return due.length === 0 ? plain : { ...plain, dueAtMs: Math.min(...due) };
}

function withStep(entry: SagaEntry, name: string, step: StepRecord): SagaEntry {
  return { ...entry, steps: { ...entry.steps, [name]: step } };
}

function record(entry: SagaEntry, name: string): StepRecord {
  return entry.steps[name] ?? { state: "running" };
}

function account(entry: SagaEntry, sequence: number): SagaEntry {
  return { ...entry, applied: [...entry.applied, sequence].slice(-MAX_APPLIED) };
}

/** Adds `[what, detail?]` to the timeline. */
function note(entry: SagaEntry, atMs: number, ...[what, detail]: [what: string, detail?: string]): SagaEntry {
  const sinceStartMs = Math.max(0, atMs - entry.startedAtMs);
  const item =
    detail === undefined ? ([sinceStartMs, what] as const) : ([sinceStartMs, what, detail] as const);
  return { ...entry, timeline: [...entry.timeline, item].slice(-MAX_TIMELINE) };
}

function without<T extends object, K extends string>(value: T, key: K): Omit<T, K> & T {
  if (!(key in value)) return value;
  const { [key as unknown as keyof T]: _, ...rest } = value;
  return rest as Omit<T, K> & T; // only optional properties are taken away
}
