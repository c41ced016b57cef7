import { type ComponentClass, registerAppExtension } from "@ganglion/core/internal";
import { ProjectionClient } from "./projection-client.js";
import { definitionOf, type ProjectionHost, projectionKind } from "./projection-kind.js";

declare module "@ganglion/core" {
  interface App {
    /**
     * Reads the rows of a projection class and steers it. An app that does not run the class can read rows that are
     * stored outside of processes, such as with `kv()`.
     *
     * @throws GanglionError `PROJECTION_NOT_DECORATED`, `PROJECTION_INVALID_DEFINITION`
     */
    projections<T>(type: abstract new (...args: never[]) => T): ProjectionClient<T>;
  }
}

registerAppExtension("projections", (app) => <T>(type: ComponentClass<T>) => {
  const runner = app.host<ProjectionHost>(projectionKind)?.runner(type);
  return new ProjectionClient<T>(app, definitionOf(type), runner);
});
