import { ServiceError } from "@ganglion/core";
import { GanglionError } from "@ganglion/kernel";
import type { SagaDefinition } from "./definition.js";
import type { SagaEntry, StepRecord } from "./journal.js";

/**
 * The step to undo next: steps that succeeded or are in doubt, in the reverse of the order in which they ended.
 *
 * @returns `undefined` when everything is undone.
 */
export function nextToCompensate(definition: SagaDefinition, entry: SagaEntry): string | undefined {
  for (let index = entry.ended.length - 1; index >= 0; index--) {
    const name = entry.ended[index] as string; // within bounds
    const step = entry.steps[name];
    if (step !== undefined && mayHaveEffect(step) && definition.steps.get(name)?.compensate !== undefined) {
      return name;
    }
  }
  return undefined;
}

function mayHaveEffect(step: StepRecord): boolean {
  return step.state === "done" || (step.state === "failed" && step.doubt === true);
}

/** Whether the saga can only go forward. */
export function isPastPivot(definition: SagaDefinition, entry: SagaEntry): boolean {
  for (const step of definition.steps.values()) {
    if (step.pivot) return entry.steps[step.name]?.state === "done";
  }
  return false;
}

/**
 * Why nobody can tell whether the point of no return was passed: the pivot failed in doubt and cannot be undone.
 *
 * @returns `undefined` when that is not so.
 */
export function pivotInDoubt(definition: SagaDefinition, entry: SagaEntry): string | undefined {
  for (const step of definition.steps.values()) {
    if (!step.pivot || step.compensate !== undefined) continue;
    const record = entry.steps[step.name];
    if (record?.state === "failed" && record.doubt === true) {
      return `the pivot ${step.name} may or may not have happened: ${record.error?.message ?? "unknown"}`;
    }
  }
  return undefined;
}

/** What a step's error says about the step. */
export interface FailureClass {
  /** The step certainly had no effect, as far as this error tells. */
  readonly definite: boolean;
  /** Trying again may help. */
  readonly retryable: boolean;
}

/** The participant refused before it did anything, or never got the request. */
const WITHOUT_EFFECT: ReadonlyMap<string, { readonly retryable: boolean }> = new Map([
  ["SAGA_STEP_REJECTED", { retryable: false }],
  ["BAD_REQUEST", { retryable: false }],
  ["INVALID_DATA", { retryable: false }],
  ["VERSION_MISMATCH", { retryable: false }],
  ["PAYLOAD_TOO_LARGE", { retryable: false }],
  ["NO_RESPONDERS", { retryable: true }],
]);
/** It happened, and would happen the same way again. */
const WITH_EFFECT: ReadonlySet<string> = new Set(["BAD_RESPONSE", "SAGA_RESULT_NOT_JSON"]);

/**
 * What an error says about the step that threw it. An error the participant declares, and a request that never
 * reached one, are definite; a timeout, a lost connection and everything unknown leave the step in doubt.
 */
export function classify(error: unknown): FailureClass {
  if (error instanceof ServiceError) return { definite: true, retryable: error.retryable };
  if (!(error instanceof GanglionError)) return { definite: false, retryable: true };
  const known = WITHOUT_EFFECT.get(error.code);
  if (known !== undefined) return { definite: true, retryable: known.retryable };
  return { definite: false, retryable: !WITH_EFFECT.has(error.code) };
}
