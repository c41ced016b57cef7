import { formatTimestamp } from "@ganglion/protocol";
import type { Connection } from "../connection/connection.js";

/**
 * What the broker tells a service about a client, with the names of the wire.
 *
 * Source: nats-server events.go `ClientInfo`, client.go `getClientInfo`.
 */
export interface ClientInfo {
  readonly start?: string;
  readonly host?: string;
  readonly id?: number;
  readonly acc?: string;
  /** Account whose service passed the request on. */
  readonly svc?: string;
  readonly user?: string;
  readonly name?: string;
  readonly lang?: string;
  readonly ver?: string;
  /** Nanoseconds. */
  readonly rtt?: number;
  readonly server?: string;
  readonly kind?: string;
  readonly client_type?: string;
}

/** What everybody may know of a client. */
export function clientInfo(connection: Connection): ClientInfo {
  const rtt = rttNs(connection);
  return { acc: connection.account.name, ...(rtt > 0 ? { rtt } : {}) };
}

/** What a service may know with which the client's account shares it. */
export function sharedClientInfo(connection: Connection, serverName: string): ClientInfo {
  const { options, peer, account, id, admission } = connection;
  const user = admission.accepted?.userName ?? "";
  const rtt = rttNs(connection);
  return {
    start: formatTimestamp(connection.startedUs),
    ...(peer.host === "" ? {} : { host: peer.host }),
    id,
    acc: account.name,
    ...(user === "" ? {} : { user }),
    ...(options.name === "" ? {} : { name: options.name }),
    ...(options.lang === "" ? {} : { lang: options.lang }),
    ...(options.version === "" ? {} : { ver: options.version }),
    ...(rtt > 0 ? { rtt } : {}),
    server: serverName,
    kind: "Client",
    client_type: admission.connectionType === "WEBSOCKET" ? "websocket" : "nats",
  };
}

function rttNs({ keepalive: { rttMs = 0 } }: Connection): number {
  return Math.round(rttMs * 1e6);
}
