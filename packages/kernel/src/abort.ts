import { GanglionError } from "./errors.js";

/**
 * Throws when `signal` is aborted.
 *
 * @throws GanglionError `ABORTED`, with the signal's reason as its cause.
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) {
    throw new GanglionError("ABORTED", `${what} was aborted`, { cause: signal.reason });
  }
}
