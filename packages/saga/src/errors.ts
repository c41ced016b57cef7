import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Every error code of this package, with what it means. Codes are never used for anything else later. */
export const SAGA_ERRORS = {
  SAGA_INVALID_DEFINITION:
    "The decorators of a saga class contradict each other; the message lists every fault.",
  SAGA_NOT_DECORATED: "A class was used as a saga but carries no @Saga.",
  SAGA_INVALID_ID: "A saga id is empty or too long to be part of a subject.",
  SAGA_INVALID_INPUT: "The input of a saga does not fit the schema given to @Saga.",
  SAGA_INVALID_SIGNAL: "A signal has a name no step waits for.",
  SAGA_NOT_FOUND: "No saga with this id is in the journal, nor on its way there.",
  SAGA_RESULT_TIMEOUT: "A saga did not end within the time given to result().",
  SAGA_STEP_REJECTED: "A step or its participant refused: it certainly had no effect and is not compensated.",
  SAGA_STEP_TIMEOUT: "A step did not answer within its timeout: whether it had an effect is not known.",
  SAGA_WAIT_TIMEOUT: "The event or signal a step waits for did not arrive in time.",
  SAGA_RESULT_NOT_JSON: "A step returned something that JSON cannot hold.",
  SAGA_ENTRY_TOO_LARGE: "The state of a saga does not fit into one message.",
  SAGA_JOURNAL_CORRUPT: "A journal entry cannot be read.",
  SAGA_REVISION_LOST: "Another worker moved this saga on.",
  SAGA_UNSAFE_SERVER: "This server cannot keep the guarantees of sagas.",
  SAGA_NOT_HOSTED: "The application does not host this saga.",
} as const;

/** A code of {@link SAGA_ERRORS}. */
export type SagaErrorCode = keyof typeof SAGA_ERRORS;

/** Creates an error of this package. */
export function sagaError(
  code: SagaErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<SagaErrorCode> {
  return new GanglionError(code, message, options);
}
