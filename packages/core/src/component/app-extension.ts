import { coreError } from "../errors.js";
import type { AppInternals } from "../runtime/app-internals.js";

/** Makes the value of one additional property of an app. Called at its first use. */
export type AppExtension = (app: AppInternals) => unknown;

const extensions = new Map<string, AppExtension>();

/**
 * Adds a property to every app, such as `app.sagas`. Called when the package that brings it is loaded; the package
 * declares its type beside it:
 *
 * @example
 * declare module "@ganglion/core" {
 *   interface App { sagas<T>(type: SagaClass<T>): SagaClient<T>; }
 * }
 * registerAppExtension("sagas", (app) => (type) => new SagaClient(app, type));
 * @throws GanglionError `EXTENSION_TAKEN` when another package registered the name.
 */
export function registerAppExtension(name: string, extension: AppExtension): void {
  const present = extensions.get(name);
  if (present !== undefined && present !== extension) {
    throw coreError("EXTENSION_TAKEN", `The app property ${JSON.stringify(name)} is registered twice`, {
      details: { name },
    });
  }
  extensions.set(name, extension);
}

/** All registered extensions by property name. */
export function appExtensions(): ReadonlyMap<string, AppExtension> {
  return extensions;
}
