import { PONG } from "@ganglion/protocol";
import type { Connection } from "../connection/connection.js";
import { traceOperation } from "./trace.js";

/**
 * Handles PING. The first one after CONNECT is also answered with an INFO that tells a client which account it is in,
 * if the client understands further INFOs.
 *
 * Source: nats-server client.go `processPing`.
 */
export function handlePing(connection: Connection): void {
  traceOperation(connection, "PING");
  connection.send(PONG, "PONG");
  connection.keepalive.heard();
  if (!connection.connectReceived || connection.firstPongSent) return;
  connection.firstPongSent = true;
  if (connection.options.protocol >= 1) {
    const { account, context } = connection;
    connection.sendInfo({
      connect_info: true,
      remote_account: account.name,
      ...(account === context.accounts.system ? { acc_is_sys: true } : {}),
    });
  }
}

/** Handles PONG. */
export function handlePong(connection: Connection): void {
  traceOperation(connection, "PONG");
  connection.keepalive.pong();
}
