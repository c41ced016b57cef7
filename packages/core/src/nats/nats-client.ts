import type { ConnectionOptions, NatsConnection } from "nats";
import { coreError } from "../errors.js";
import type { TransportSource } from "../transport/transport-source.js";
import { ClientLink } from "./client-link.js";
import { resolveNatsOptions } from "./nats-options.js";
import { NatsTransport } from "./nats-transport.js";

/** How an application uses a connection of the `nats` client. */
export interface NatsClientOptions {
  /** First tokens of reply subjects, for permissions. @default "_INBOX" */
  readonly inboxPrefix?: string;
  /** JetStream domain. @default the server's own */
  readonly jetstreamDomain?: string;
}

/**
 * Runs an application over the official `nats` client instead of Ganglion's own connection: to share a connection
 * that is there already, or for what only the client knows, such as an authenticator of its own.
 *
 * @param connection - a connection, which stays open when the application stops; or the client's options, with which
 *   one is made and closed again.
 * @example createApp({ services: [Orders], nats: natsClient(await connect({ servers })) })
 */
export function natsClient(
  connection: NatsConnection | ConnectionOptions,
  options: NatsClientOptions = {},
): TransportSource {
  return {
    description: "connection of the nats client",
    async openTransport(surroundings) {
      const owned = !isConnection(connection);
      const client = owned ? await connectClient(connection) : connection;
      const servers = client.getServer();
      return new NatsTransport(
        new ClientLink(client, owned),
        resolveNatsOptions({ servers, ...options }, surroundings),
      );
    },
  };
}

/** Loads the client only when it is used. */
async function connectClient(options: ConnectionOptions): Promise<NatsConnection> {
  const { connect } = await import("nats");
  try {
    return await connect(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw coreError("CONNECTION_FAILED", `The nats client could not connect: ${reason}`, {
      retryable: true,
      cause: error,
    });
  }
}

function isConnection(value: NatsConnection | ConnectionOptions): value is NatsConnection {
  return "getServer" in value;
}
