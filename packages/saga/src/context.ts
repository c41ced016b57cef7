import type { Effects } from "@ganglion/core";
import type { GanglionError, Logger } from "@ganglion/kernel";
import type { StepFailure } from "./journal.js";

/** What every method of a saga is given. */
export interface SagaContext<Input = unknown> extends Effects {
  /** Name of the saga class, as given to {@link Saga}. */
  readonly saga: string;
  readonly id: string;
  readonly input: Input;
  /** Name of the step; in a compensation, of the step that is undone. */
  readonly step: string;
  /**
   * The same for every attempt at this step: `<saga>:<id>:<step>`, with `:compensate` behind it in a compensation.
   * Calls and messages made through the context carry it. Hand it to external systems: a step runs at least once,
   * and its effect happens once only with such a key.
   */
  readonly key: string;
  /** 1 for the first attempt; a worker that takes a saga over counts from 1 again. */
  readonly attempt: number;
  /** Aborted at the step's timeout, when another worker holds the saga, and when the app stops. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Milliseconds left until the step's timeout. */
  remainingMs(): number;
  /**
   * Makes an error that says: this step had no effect and trying again is useless. Throw it: the saga is
   * compensated without this step, unless the step did something through the context before.
   */
  reject(reason: string, options?: RejectOptions): GanglionError;
}

/** Options of {@link SagaContext.reject}. */
export interface RejectOptions {
  /** JSON-safe; kept as the saga's failure. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: any method; parameters do not matter here
type Method = (...args: any[]) => unknown;

/** What a step of a saga class returns. */
export type ResultOf<Saga, Step> = Step extends keyof Saga
  ? Saga[Step] extends Method
    ? Awaited<ReturnType<Saga[Step]>>
    : never
  : never;

/**
 * What a step is given: results of exactly the steps it names in `after`.
 *
 * @typeParam After - names of those steps; reading any other does not compile.
 */
export interface StepContext<Input = unknown, Saga = unknown, After extends keyof Saga = never>
  extends SagaContext<Input> {
  readonly results: { readonly [K in After]: ResultOf<Saga, K> };
}

/**
 * What a compensation is given. Results may be missing, that of the undone step too: a step whose outcome is in doubt
 * is compensated, and has none.
 *
 * @typeParam Steps - names of the steps whose results it may read.
 */
export interface CompensationContext<Input = unknown, Saga = unknown, Steps extends keyof Saga = never>
  extends SagaContext<Input> {
  readonly results: { readonly [K in Steps]?: ResultOf<Saga, K> };
  /** Why the saga is compensated. */
  readonly failure: StepFailure;
}
