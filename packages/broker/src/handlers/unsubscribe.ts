import type { Connection } from "../connection/connection.js";
import { traceOperation } from "./trace.js";

/**
 * Handles UNSUB. With a maximum that is not reached yet the subscription goes on until it is; messages it has
 * already received count.
 *
 * Source: nats-server client.go `processUnsub`.
 *
 * @param max - 0 or less: end now.
 */
export function handleUnsubscribe(connection: Connection, sid: string, max: number): void {
  traceOperation(connection, max > 0 ? `UNSUB ${sid} ${max}` : `UNSUB ${sid}`);
  connection.keepalive.active();
  const subscription = connection.subscriptions.get(sid);
  if (connection.verbose) connection.sendOk();
  if (subscription === undefined) return;
  if (max > subscription.delivered) subscription.max = max;
  else connection.expire(subscription);
}
