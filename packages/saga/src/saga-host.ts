import type { AppInternals, ComponentClass, ComponentHost } from "@ganglion/core/internal";
import type { SagaDefinition } from "./definition.js";

/** A saga class an app runs. */
export interface HostedSaga {
  readonly type: ComponentClass;
  readonly definition: SagaDefinition;
}

export class SagaHost implements ComponentHost {
  constructor(
    readonly app: AppInternals,
    readonly sagas: readonly HostedSaga[],
  ) {}
  async start(): Promise<void> {}
  async stop(_budget: AbortSignal): Promise<void> {}
}
