import { isValidFilter } from "@ganglion/protocol";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";
import { Subscription } from "../routing/subscription.js";
import { traceOperation } from "./trace.js";

/** The arguments of SUB. */
export interface SubscribeRequest {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
}

/**
 * Handles SUB. A sid that is in use keeps its first subscription.
 *
 * Source: nats-server client.go `processSubEx`.
 */
export function handleSubscribe(connection: Connection, { subject, queue, sid }: SubscribeRequest): void {
  traceOperation(connection, `SUB ${subject} ${queue === undefined ? "" : `${queue} `}${sid}`);
  connection.keepalive.active();
  const { maxSubscriptions } = connection;
  if (maxSubscriptions > 0 && connection.subscriptions.size >= maxSubscriptions) {
    connection.sendError(ERROR_TEXT.maxSubscriptionsExceeded);
    return;
  }
  if (!connection.subscriptions.has(sid)) {
    if (!isValidFilter(subject)) {
      connection.sendError(ERROR_TEXT.invalidSubject);
      return;
    }
    const subscription = new Subscription(subject, { subscriber: connection, sid, queue });
    connection.subscriptions.set(sid, subscription);
    connection.account.router.add(subscription);
  }
  if (connection.verbose) connection.sendOk();
}
