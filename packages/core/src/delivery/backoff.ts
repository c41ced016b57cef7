import { type Duration, durationMs } from "@ganglion/kernel";
import { coreError } from "../errors.js";

/**
 * Waits between attempts: a fixed one, `fixed(1s)`, `linear(1s, 30s)`: 1, 2, 3 … s up to 30 s,
 * `exponential(1s, 60s)`: 1, 2, 4, … s up to 60 s, or a list, whose last entry is repeated.
 */
export type Backoff =
  | Duration
  | readonly Duration[]
  | `fixed(${string})`
  | `linear(${string})`
  | `exponential(${string})`;

/** Milliseconds to wait after attempt `attempt`, from 1. */
export type BackoffMs = (attempt: number) => number;

const FORM = /^(fixed|linear|exponential)\(\s*([^,\s]+)\s*(?:,\s*([^,\s]+)\s*)?\)$/;

/**
 * Reads a {@link Backoff}.
 *
 * @throws GanglionError `INVALID_DURATION`, `INVALID_BACKOFF`
 */
export function backoffMs(backoff: Backoff): BackoffMs {
  if (Array.isArray(backoff)) return listed(backoff as readonly Duration[]);
  const form = typeof backoff === "string" ? FORM.exec(backoff) : null;
  if (form === null) {
    if (typeof backoff === "string" && backoff.includes("(")) throw invalid(backoff);
    return listed([backoff as Duration]);
  }
  const [, kind, first, last] = form;
  const firstMs = durationMs(first as Duration, "backoff");
  const lastMs = last === undefined ? Number.POSITIVE_INFINITY : durationMs(last as Duration, "backoff");
  if (kind === "fixed") return () => firstMs;
  if (kind === "linear") return (attempt) => Math.min(lastMs, firstMs * attempt);
  return (attempt) => Math.min(lastMs, firstMs * 2 ** (attempt - 1));
}

function listed(durations: readonly Duration[]): BackoffMs {
  const waitsMs = durations.map((duration) => durationMs(duration, "backoff"));
  if (waitsMs.length === 0) throw invalid(durations);
  return (attempt) => waitsMs[Math.min(attempt, waitsMs.length) - 1] as number; // the list is not empty
}

function invalid(backoff: unknown) {
  return coreError(
    "INVALID_BACKOFF",
    `Invalid backoff ${JSON.stringify(backoff)}: use a duration, a list of them, fixed(1s), linear(1s, 30s) or exponential(1s, 60s)`,
    { details: { backoff } },
  );
}
