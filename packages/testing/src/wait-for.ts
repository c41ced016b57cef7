import { type Clock, systemClock } from "@ganglion/kernel";
import { testingError } from "./errors.js";

/** How long and how often {@link waitFor} looks. */
export interface WaitForOptions {
  /** Milliseconds until it gives up. @default 5000 */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks. @default 10 */
  readonly intervalMs?: number;
  /** What is waited for; it appears in the error. @default "the condition" */
  readonly what?: string;
  /** Ends the wait early with the signal's reason. */
  readonly signal?: AbortSignal;
  /** @default the system clock */
  readonly clock?: Clock;
}

/**
 * Waits until `condition` gives a truthy value, and returns it. An exception of the condition counts as "not
 * yet", so that assertions can be waited for; give them a `return true` at the end.
 *
 * @throws GanglionError `WAIT_TIMEOUT` with the last value, or the last exception as its cause.
 * @example await waitFor(() => received.length === 3, { what: "three messages" });
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitForOptions = {},
): Promise<NonNullable<T>> {
  const { timeoutMs = 5_000, intervalMs = 10, what = "the condition", clock = systemClock } = options;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const attempt = await look(condition);
    if (attempt.value) return attempt.value;
    if (clock.monotonicMs() >= deadlineMs) throw timedOut(what, timeoutMs, attempt);
    await pause(clock, intervalMs);
  }
}

interface Attempt<T> {
  readonly value?: T;
  readonly error?: unknown;
}

async function look<T>(condition: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

/** The kernel's timers do not keep the process alive; a wait must. */
function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (clock === systemClock) setTimeout(resolve, delayMs);
    else clock.schedule(delayMs, resolve);
  });
}

function timedOut(what: string, timeoutMs: number, attempt: Attempt<unknown>) {
  const last =
    attempt.error === undefined
      ? `the last value was ${show(attempt.value)}`
      : `it threw ${show(attempt.error)}`;
  return testingError("WAIT_TIMEOUT", `Waited ${timeoutMs} ms for ${what}: ${last}`, {
    cause: attempt.error,
    details: { what, timeoutMs },
  });
}

function show(value: unknown): string {
  return value instanceof Error ? `${value.name}: ${value.message}` : String(JSON.stringify(value));
}
