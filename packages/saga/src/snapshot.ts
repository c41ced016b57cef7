import type { SagaEntry, SagaStatus, StepFailure, StepRecord } from "./journal.js";

/** One step of a {@link SagaSnapshot}. */
export interface StepSnapshot {
  readonly state: StepRecord["state"];
  readonly result?: unknown;
  readonly error?: StepFailure;
  /** It may have had an effect that nobody confirmed. */
  readonly inDoubt: boolean;
}

/** A saga as it stands in the journal. */
export interface SagaSnapshot {
  readonly saga: string;
  readonly id: string;
  readonly status: SagaStatus;
  /** Of the class that wrote it last. */
  readonly version: number;
  /** In its JSON form. */
  readonly input: unknown;
  readonly startedAt: Date;
  readonly changedAt: Date;
  /** Steps that have begun, by name. */
  readonly steps: Readonly<Record<string, StepSnapshot>>;
  /** Why it is, or was, compensated. */
  readonly failure: StepFailure | undefined;
  /** Why it needs an operator. */
  readonly stuck: string | undefined;
  /** When a suspended saga goes on by itself. */
  readonly dueAt: Date | undefined;
  /** What happened, oldest first; the newest hundred items. */
  readonly timeline: readonly {
    readonly at: Date;
    readonly what: string;
    readonly detail: string | undefined;
  }[];
}

/** The readable form of a journal entry. */
export function snapshotOf(entry: SagaEntry): SagaSnapshot {
  const steps = Object.entries(entry.steps).map(([name, step]) => [name, stepSnapshotOf(step)]);
  return {
    saga: entry.saga,
    id: entry.id,
    status: entry.status,
    version: entry.version,
    input: entry.input,
    startedAt: new Date(entry.startedAtMs),
    changedAt: new Date(entry.atMs),
    steps: Object.fromEntries(steps),
    failure: entry.failure,
    stuck: entry.stuck,
    dueAt: entry.dueAtMs === undefined ? undefined : new Date(entry.dueAtMs),
    timeline: entry.timeline.map(([sinceStartMs, what, detail]) => ({
      at: new Date(entry.startedAtMs + sinceStartMs),
      what,
      detail,
    })),
  };
}

function stepSnapshotOf(step: StepRecord): StepSnapshot {
  return {
    state: step.state,
    inDoubt: step.doubt === true,
    ...("result" in step && { result: step.result }),
    ...(step.error !== undefined && { error: step.error }),
  };
}
