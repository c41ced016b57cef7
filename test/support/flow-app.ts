import { type App, createApp } from "@ganglion/core";
import { type ComponentClass, connectNats, type Transport } from "@ganglion/core/internal";
import { type Logger, type Observer, silentLogger } from "@ganglion/kernel";

/** Options of {@link flowApp}. */
export interface FlowAppOptions {
  readonly services: readonly ComponentClass[];
  readonly url: string;
  readonly observer?: Observer;
  readonly logger?: Logger;
  /** Milliseconds running steps get when the app stops. @default 0 */
  readonly stopTimeout?: number;
}

/** A started app with the connection it uses; both end together. */
export type FlowApp = App & { readonly transport: Transport };

/** Starts an app for a test of sagas and projections. */
export async function flowApp({
  services,
  url,
  stopTimeout = 0,
  ...options
}: FlowAppOptions): Promise<FlowApp> {
  const transport = await connectNats({ servers: url, reconnectDelay: { min: 20, max: 200 } });
  try {
    const app = await createApp({ logger: silentLogger, ...options, services, transport, stopTimeout });
    await app.start();
    const stop = app.stop.bind(app);
    const ending = async () => {
      await stop();
      await transport.close();
    };
    const added = { transport, stop: ending, [Symbol.asyncDispose]: ending };
    for (const key of Reflect.ownKeys(added)) {
      Object.defineProperty(app, key, { value: Reflect.get(added, key), configurable: true });
    }
    return app as FlowApp; // the properties were just added
  } catch (error) {
    await transport.close();
    throw error;
  }
}
