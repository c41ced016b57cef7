import type { NatsEndpoint, NatsSource } from "@ganglion/kernel";
import { dialInProcess } from "../nats/dial-in-process.js";
import type { NatsOptions } from "../nats/nats-options.js";
import { connectNats } from "../nats/nats-transport.js";
import type { Transport } from "../transport/transport.js";
import type { TransportSource } from "../transport/transport-source.js";
import type { AppOptions } from "./app.js";
import type { Environment } from "./environment.js";
import type { Runtime } from "./runtime.js";

/** A connection, and what has to be given back with it. */
export interface OpenedNats {
  readonly transport: Transport;
  close(): Promise<void>;
}

const DEFAULT_SERVER = "nats://127.0.0.1:4222";

/** Connects an app to NATS as its options say. @throws GanglionError `CONNECTION_FAILED` */
export async function openNats(
  options: AppOptions,
  environment: Environment,
  runtime: Pick<Runtime, "name" | "clock" | "logger">,
): Promise<OpenedNats> {
  const { transport, nats = environment.nats ?? DEFAULT_SERVER } = options;
  if (transport !== undefined) return { transport, close: async () => {} };
  const { clock, logger } = runtime;
  if (isTransportSource(nats)) {
    logger.info("opened", { source: nats.description });
    const opened = await nats.openTransport({ clock, logger });
    return { transport: opened, close: () => opened.close() };
  }
  if (isSource(nats)) {
    const endpoint = await nats.open();
    logger.info("opened", { source: nats.description, servers: endpoint.servers });
    return connected(endpoint, { servers: endpoint.servers, name: runtime.name }, { clock, logger });
  }
  const given: NatsOptions = typeof nats === "object" && "servers" in nats ? nats : { servers: nats };
  return connected(undefined, { name: runtime.name, ...given }, { clock, logger });
}

async function connected(
  endpoint: NatsEndpoint | undefined,
  options: NatsOptions,
  surroundings: Pick<Runtime, "clock" | "logger">,
): Promise<OpenedNats> {
  try {
    const dial = endpoint?.connectInProcess && dialInProcess(() => endpoint.connectInProcess?.());
    const transport = await connectNats(options, { ...surroundings, ...(dial && { dial }) });
    return {
      transport,
      close: async () => {
        await transport.close();
        await endpoint?.close();
      },
    };
  } catch (error) {
    await endpoint?.close();
    throw error;
  }
}

function isTransportSource(nats: NonNullable<AppOptions["nats"]>): nats is TransportSource {
  return typeof nats === "object" && "openTransport" in nats;
}

function isSource(nats: NonNullable<AppOptions["nats"]>): nats is NatsSource {
  return typeof nats === "object" && "open" in nats;
}
