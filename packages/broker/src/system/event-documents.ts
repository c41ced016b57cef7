import { randomUUID } from "node:crypto";
import { formatTimestamp } from "@ganglion/protocol";
import type { Account } from "../accounts/account.js";
import type { CloseReason } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { connectionFacts } from "../connection/connection-facts.js";
import { accountStat } from "../monitoring/account-statz.js";
import { unlessEmpty } from "../monitoring/monitoring-format.js";

const NS_PER_MS = 1_000_000;

/** How an event begins. Source: nats-server events.go `TypedEvent`. */
function head(type: string, nowUs: number) {
  return { type: `io.nats.server.advisory.v1.${type}`, id: randomUUID(), timestamp: formatTimestamp(nowUs) };
}

/** Source: nats-server events.go `ClientInfo`. @param stopUs - when it was closed; undefined while it is open. */
function clientInfo(connection: Connection, stopUs?: number) {
  const facts = connectionFacts(connection);
  const jwt = connection.admission.accepted?.jwt;
  return {
    start: formatTimestamp(facts.startedUs),
    host: facts.host,
    id: facts.id,
    acc: facts.accountName,
    user: unlessEmpty(facts.userName),
    name: unlessEmpty(facts.name),
    lang: unlessEmpty(facts.lang),
    ver: unlessEmpty(facts.version),
    rtt: stopUs === undefined ? undefined : unlessEmpty(Math.round((facts.rttMs ?? 0) * NS_PER_MS)),
    stop: stopUs === undefined ? undefined : formatTimestamp(stopUs),
    jwt: unlessEmpty(jwt?.token ?? connection.options.jwt),
    issuer_key: jwt?.claims.issuer,
    name_tag: unlessEmpty(connection.account.nameTag),
    tags: unlessEmpty(jwt?.claims.tags),
    kind: "Client",
    client_type: facts.type,
  };
}

/** `$SYS.ACCOUNT.<account>.CONNECT`. Source: nats-server events.go `accountConnectEvent`. */
export function connectEvent(connection: Connection, server: unknown) {
  const nowUs = connection.context.options.clock.nowUs();
  return { ...head("client_connect", nowUs), server, client: clientInfo(connection) };
}

/**
 * `$SYS.ACCOUNT.<account>.DISCONNECT` and `$SYS.SERVER.<id>.CLIENT.AUTH.ERR`. Sent and received are as the client
 * sees them.
 *
 * Source: nats-server events.go `accountDisconnectEvent`, `sendAuthErrorEvent`.
 */
export function disconnectEvent(connection: Connection, reason: CloseReason, server: unknown) {
  const nowUs = connection.context.options.clock.nowUs();
  return {
    ...head("client_disconnect", nowUs),
    server,
    client: clientInfo(connection, nowUs),
    sent: { msgs: connection.inMessages, bytes: connection.inBytes },
    received: { msgs: connection.outMessages, bytes: connection.outBytes },
    reason,
  };
}

/** `$SYS.ACCOUNT.<account>.SERVER.CONNS`. Source: nats-server events.go `sendAccConnsUpdate`. */
export function connectionsEvent(account: Account, nowUs: number, server: unknown) {
  return { ...head("account_connections", nowUs), server, ...accountStat(account) };
}
