import {
  type AppInternals,
  type ComponentClass,
  type ComponentHost,
  type ComponentKind,
  componentOf,
  type ResourcePlan,
} from "@ganglion/core/internal";
import { eventSourcingError } from "./errors.js";
import {
  defineProjection,
  type ProjectionDefinition,
  type RecordedProjection,
} from "./projection/definition.js";
import { ProjectionRunner } from "./projection/projection-runner.js";

/** How core finds projection classes among the listed ones. */
export const projectionKind: ComponentKind<RecordedProjection> = {
  name: "projection",
  createHost: (app, entries) =>
    new ProjectionHost(
      app,
      entries.map(({ type }) => type),
    ),
};

const definitions = new WeakMap<ComponentClass, ProjectionDefinition>();

/**
 * The checked definition of a projection class.
 *
 * @throws GanglionError `PROJECTION_NOT_DECORATED`, `PROJECTION_INVALID_DEFINITION`
 */
export function definitionOf(type: ComponentClass): ProjectionDefinition {
  const known = definitions.get(type);
  if (known !== undefined) return known;
  const component = componentOf(type);
  if (component?.kind !== projectionKind) {
    throw eventSourcingError(
      "PROJECTION_NOT_DECORATED",
      `Class ${type.name} is no projection: it has no @Projection`,
      { details: { class: type.name } },
    );
  }
  const definition = defineProjection(component.definition as RecordedProjection); // recorded by @Projection
  definitions.set(type, definition);
  return definition;
}

/** Runs all projection classes of an app. */
export class ProjectionHost implements ComponentHost {
  private readonly runners: ReadonlyMap<ComponentClass, ProjectionRunner>;

  constructor(app: AppInternals, types: readonly ComponentClass[]) {
    this.runners = new Map(types.map((type) => [type, new ProjectionRunner(app, definitionOf(type), type)]));
  }

  /** `undefined` when the app does not run that class. */
  runner(type: ComponentClass): ProjectionRunner | undefined {
    return this.runners.get(type);
  }

  plan(): readonly ResourcePlan[] {
    return [...this.runners.values()].flatMap((runner) => runner.plan());
  }

  async start(): Promise<void> {
    await Promise.all([...this.runners.values()].map((runner) => runner.start()));
  }

  async stop(_budget: AbortSignal): Promise<void> {
    await Promise.all([...this.runners.values()].map((runner) => runner.stop()));
  }

  problems(): readonly string[] {
    return [...this.runners.values()].flatMap(({ status }) => {
      const { projection, obstacle, problem } = status;
      if (obstacle !== undefined)
        return [
          `projection ${projection} fails at ${obstacle.stream} ${obstacle.sequence}: ${obstacle.error}`,
        ];
      return problem === undefined ? [] : [`projection ${projection}: ${problem}`];
    });
  }
}
