export { On, Projection } from "./decorators.js";
export { EVENTSOURCING_ERRORS, type EventSourcingErrorCode } from "./errors.js";
export type { ProjectedEvent, ProjectionContext, ProjectionOptions } from "./projection/definition.js";
export type { Obstacle } from "./projection/follower.js";
export type { ReplaySpeed } from "./projection/pace.js";
export type { RebuildProgress } from "./projection/progress.js";
export type {
  ProjectionPhase,
  ProjectionStatus,
  RebuildFrom,
  RebuildOptions,
} from "./projection/projection-runner.js";
export type {
  Checkpoint,
  Generation,
  GenerationWriter,
  ModelState,
  ReadModel,
  ReadModelStore,
  Row,
  StoreScope,
} from "./projection/read-model.js";
export type { Rows } from "./projection/rows.js";
export type { ListRowsOptions, ProjectionClient, RowOf, WaitForOptions } from "./projection-client.js";
export { type KvStoreOptions, kv } from "./stores/kv.js";
export { memory } from "./stores/memory.js";

import "./app-property.js";
