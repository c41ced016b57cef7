import { type ComponentClass, type ComponentKind, componentOf } from "@ganglion/core/internal";
import { defineSaga, type RecordedSaga, type SagaDefinition } from "./definition.js";
import { sagaError } from "./errors.js";
import { SagaHost } from "./saga-host.js";

/** How core finds saga classes among the listed ones. */
export const sagaKind: ComponentKind<RecordedSaga> = {
  name: "saga",
  createHost: (app, entries) =>
    new SagaHost(
      app,
      entries.map(({ type }) => ({ type, definition: definitionOf(type) })),
    ),
};

const definitions = new WeakMap<ComponentClass, SagaDefinition>();

/**
 * The checked definition of a saga class.
 *
 * @throws GanglionError `SAGA_NOT_DECORATED`, `SAGA_INVALID_DEFINITION`
 */
export function definitionOf(type: ComponentClass): SagaDefinition {
  const known = definitions.get(type);
  if (known !== undefined) return known;
  const component = componentOf(type);
  if (component?.kind !== sagaKind) {
    throw sagaError("SAGA_NOT_DECORATED", `Class ${type.name} is no saga: it has no @Saga`, {
      details: { class: type.name },
    });
  }
  const definition = defineSaga(component.definition as RecordedSaga); // recorded by @Saga with this kind
  definitions.set(type, definition);
  return definition;
}
