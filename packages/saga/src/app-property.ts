import { type ComponentClass, registerAppExtension } from "@ganglion/core/internal";
import { SagaClient } from "./saga-client.js";
import { definitionOf } from "./saga-kind.js";

declare module "@ganglion/core" {
  interface App {
    /**
     * Starts, watches and steers the sagas of a class, whether this app runs it or another.
     *
     * @throws GanglionError `SAGA_NOT_DECORATED`, `SAGA_INVALID_DEFINITION`
     */
    sagas<T>(type: abstract new (...args: never[]) => T): SagaClient<T>;
  }
}

registerAppExtension(
  "sagas",
  (app) =>
    <T>(type: ComponentClass<T>) =>
      new SagaClient<T>(app, definitionOf(type)),
);
