import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Every error code of this package, with what it means. Codes are never used for anything else later. */
export const EVENTSOURCING_ERRORS = {
  PROJECTION_INVALID_DEFINITION:
    "The decorators of a projection class contradict each other; the message lists every fault.",
  PROJECTION_NOT_DECORATED: "A class was used as a projection but carries no @Projection.",
  PROJECTION_NOT_HOSTED: "The application does not run this projection.",
  PROJECTION_FENCED: "Another process writes this read model now.",
  PROJECTION_BATCH_TOO_LARGE: "The rows one event changes do not fit into one message.",
  PROJECTION_INVALID_KEY: "A row key is empty or too long.",
  PROJECTION_INVALID_ROW: "A row holds a value that JSON cannot.",
  PROJECTION_CORRUPT: "The stored state of a read model cannot be read.",
  PROJECTION_WAIT_TIMEOUT: "A projection did not reach a sequence in time.",
  PROJECTION_REBUILD_RUNNING: "A rebuild of this projection runs already.",
  PROJECTION_UNSAFE_SERVER: "This server cannot keep the guarantees of a projection's store.",
  PROJECTION_OUTDATED: "A newer version of this projection is active.",
} as const;

/** A code of {@link EVENTSOURCING_ERRORS}. */
export type EventSourcingErrorCode = keyof typeof EVENTSOURCING_ERRORS;

/** Creates an error of this package. */
export function eventSourcingError(
  code: EventSourcingErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<EventSourcingErrorCode> {
  return new GanglionError(code, message, options);
}
