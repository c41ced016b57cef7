import type { Connection } from "./connection.js";

/** Who a client connection is, for the application the broker runs in. */
export interface ClientIdentity {
  /** Number of the connection, as in logs (`cid`) and /connz. */
  readonly id: number;
  /** What the client calls itself. */
  readonly name: string;
  /** As whom it came in, or wants to: a user, a public key, or empty. */
  readonly user: string;
  readonly account: string;
  /** Address of the peer. */
  readonly host: string;
  readonly port: number;
  readonly type: "nats" | "websocket";
  /** The client library and its version. */
  readonly lang: string;
  readonly version: string;
}

/** Who a connection is now. */
export function clientIdentity(connection: Connection): ClientIdentity {
  const { id, options, account, peer, admission } = connection;
  return {
    id,
    name: options.name,
    user: admission.accepted?.userName ?? (options.user || options.nkey),
    account: account.name,
    host: peer.host,
    port: peer.port,
    type: peer.type ?? "nats",
    lang: options.lang,
    version: options.version,
  };
}
