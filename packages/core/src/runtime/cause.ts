/** What outgoing messages of a piece of work take from the message it works on. */
export interface Cause {
  /** Monotonic time after which nobody waits for the work any more. */
  readonly deadlineAtMs: number | undefined;
  /** The same for every attempt at the work; message ids of what it emits derive from it. */
  readonly key: string;
  /** How often something was emitted to `subject` before. */
  nextOrdinal(subject: string): number;
  /** Trace header lines of the message, to be passed on when nobody traces here. */
  readonly traceLines: string;
  /** Calls `listener` when the work is given up. @returns a function that takes it back */
  onAbort(listener: (reason: unknown) => void): () => void;
}
