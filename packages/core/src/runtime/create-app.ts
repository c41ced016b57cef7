import { randomBytes } from "node:crypto";
import { durationMs, noopObserver, systemClock } from "@ganglion/kernel";
import { appExtensions } from "../component/app-extension.js";
import { Container } from "../container/container.js";
import { collect } from "../metadata/collect.js";
import type { App, AppOptions } from "./app.js";
import { readEnvironment } from "./environment.js";
import { pinoLogger } from "./pino-logger.js";
import { RunningApp } from "./running-app.js";

const DEFAULT_STOP_TIMEOUT = "25s";

/**
 * Puts an application together: collects its classes, checks them, and makes their dependencies. Nothing is sent
 * before {@link App.start}.
 *
 * @throws GanglionError `INVALID_SERVICE`, `INVALID_OPTIONS`, `UNKNOWN_DEPENDENCY`, `DEPENDENCY_CYCLE`
 * @example
 * await using app = await createApp({ services: [OrdersService], nats: embedded() });
 * await app.start();
 */
export async function createApp(options: AppOptions = {}): Promise<App> {
  const environment = readEnvironment();
  const collected = collect(options.services ?? []);
  const name = options.name ?? collected.services[0]?.name ?? "app";
  const container = new Container(options.providers ?? []);
  try {
    await container.open();
    const app = new RunningApp({
      options,
      environment,
      collected,
      container,
      name,
      instanceId: randomBytes(11).toString("hex"),
      clock: options.clock ?? systemClock,
      logger: options.logger ?? pinoLogger(environment.logLevel, name),
      observer: options.observer ?? noopObserver,
      manage: options.manage ?? environment.manage ?? "create",
      stopTimeoutMs: durationMs(options.stopTimeout ?? DEFAULT_STOP_TIMEOUT, "stopTimeout"),
    });
    return extended(app);
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
}

/** Adds the properties other packages registered, made when they are first used. */
function extended(app: RunningApp): App {
  for (const [name, extension] of appExtensions()) {
    let made: { readonly value: unknown } | undefined;
    Object.defineProperty(app, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        made ??= { value: extension(app.internals) };
        return made.value;
      },
    });
  }
  return app as unknown as App; // with the properties packages declared on App and registered
}
