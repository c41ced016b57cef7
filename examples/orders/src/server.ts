import { join } from "node:path";
import { embedded } from "@ganglion/broker";
import type { Options } from "./options.js";

/** The NATS server of a run. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** For people. */
  readonly description: string;
}

/** Starts the embedded broker on a free port (or joins the one that serves the store), or takes the server named. */
export async function openServer({ url, store }: Options): Promise<Server> {
  if (url !== undefined) {
    return { url, description: `the server at ${url}`, [Symbol.asyncDispose]: async () => {} };
  }
  const endpoint = await embedded({ storeDir: join(store, "broker") }).open();
  const [address = ""] = endpoint.servers;
  return {
    url: address,
    description: `its own broker at ${address}, data in ${store}`,
    [Symbol.asyncDispose]: () => endpoint.close(),
  };
}
