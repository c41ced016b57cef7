export type { CompensationContext, RejectOptions, ResultOf, SagaContext, StepContext } from "./context.js";
export { Saga, type SagaClassOptions, Step } from "./decorators.js";
export type { AwaitedEvent, SagaOptions, StepOptions } from "./definition.js";
export { SAGA_ERRORS, type SagaErrorCode } from "./errors.js";
export type { SagaStatus, StepFailure } from "./journal.js";
export type { StepRetry } from "./retry.js";
export type {
  ListOptions,
  ResultOptions,
  SagaClient,
  SagaInput,
  SagaOutcome,
  SagaResults,
  SagaSummary,
  StartOptions,
} from "./saga-client.js";
export type { SagaSnapshot, StepSnapshot } from "./snapshot.js";

import "./app-property.js";
