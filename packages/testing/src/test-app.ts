import { type App, type AppOptions, createApp } from "@ganglion/core";
import { silentLogger } from "@ganglion/kernel";
import { startTestBroker } from "./start-test-broker.js";
import type { TestBroker, TestBrokerOptions } from "./test-broker.js";

/** Options of {@link testApp}: those of `createApp`, and the broker. */
export interface TestAppOptions extends Omit<AppOptions, "nats" | "transport" | "handleSignals"> {
  /** A broker that runs already and stays, or how to start one for this app. @default one is started */
  readonly broker?: TestBroker | TestBrokerOptions;
}

/** A started application and its broker. Disposing of it stops both. */
export interface TestApp extends AsyncDisposable {
  readonly app: App;
  readonly broker: TestBroker;
  /** Stops the app, and the broker if it was started for it. Idempotent. */
  close(): Promise<void>;
}

/**
 * Creates and starts an application on a broker of its own, or on one that is shared with other apps. It logs
 * nothing unless it is given a logger.
 *
 * @throws GanglionError what `createApp`, `App.start` and `startTestBroker` throw; nothing is left running then.
 * @example
 * await using test = await testApp({ services: [OrdersService] });
 * const ref = await test.app.client(Orders).place({ sku: "a", qty: 1 });
 */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { broker: given, ...appOptions } = options;
  const shared = given !== undefined && "url" in given ? given : undefined;
  const broker = shared ?? (await startTestBroker(given as TestBrokerOptions | undefined));
  const stopBroker = async () => {
    if (shared === undefined) await broker.close();
  };
  try {
    const app = await startApp({ logger: silentLogger, ...appOptions, nats: broker.servers });
    const close = async () => {
      await app.stop();
      await stopBroker();
    };
    return { app, broker, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await stopBroker();
    throw error;
  }
}

async function startApp(options: AppOptions): Promise<App> {
  const app = await createApp(options);
  try {
    await app.start();
    return app;
  } catch (error) {
    await app.stop();
    throw error;
  }
}
