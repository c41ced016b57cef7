import { startBroker } from "@ganglion/broker";
import type { Options } from "./options.js";

/** The NATS server of a run. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** For people. */
  readonly description: string;
}

/** Starts the embedded broker on a free port, or takes the server that was named. */
export async function openServer({ url, store }: Options): Promise<Server> {
  if (url !== undefined) {
    return { url, description: `server at ${url}`, [Symbol.asyncDispose]: async () => {} };
  }
  const broker = await startBroker({
    host: "127.0.0.1",
    port: 0,
    jetstream: { storeDir: `${store}/broker` },
  });
  return {
    url: broker.url,
    description: `embedded broker at ${broker.url}, data in ${store}`,
    [Symbol.asyncDispose]: () => broker.close(),
  };
}
