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

/** Name of queue groups that are the broker's own. Source: nats-server client.go `sysGroup`. */
const SYSTEM_QUEUE = "_sys_";

/**
 * Handles SUB. A sid that is in use keeps its first subscription.
 *
 * Source: nats-server client.go `processSubEx`.
 */
export function handleSubscribe(connection: Connection, request: SubscribeRequest): void {
  const { subject, queue, sid } = request;
  traceOperation(connection, `SUB ${subject} ${queue === undefined ? "" : `${queue} `}${sid}`);
  connection.keepalive.active();
  if (!maySubscribe(connection, request)) return;
  const { maxSubscriptions } = connection;
  if (connection.subscriptions.size >= maxSubscriptions) {
    connection.sendError(ERROR_TEXT.maxSubscriptionsExceeded);
    return;
  }
  if (!connection.subscriptions.has(sid)) {
    if (!isValidFilter(subject)) {
      connection.sendError(ERROR_TEXT.invalidSubject);
      return;
    }
    const subscription = new Subscription(subject, { subscriber: connection, sid, queue });
    subscription.filter = connection.permissions?.deliveryFilter(subject, queue);
    connection.subscriptions.set(sid, subscription);
    connection.account.router.add(subscription);
  }
  if (connection.verbose) connection.sendOk();
}

/** Tells the client when it may not. Source: nats-server client.go `processSubEx`, `subPermissionViolation`. */
function maySubscribe(connection: Connection, { subject, queue, sid }: SubscribeRequest): boolean {
  const { permissions, context } = connection;
  const { maxSubscriptionTokens = 0 } = context.options;
  if (queue === SYSTEM_QUEUE || permissions?.maySubscribe(subject, queue) === false) {
    const inQueue = queue === undefined ? ("" as const) : (` using queue "${queue}"` as const);
    connection.sendError(`Permissions Violation for Subscription to "${subject}"${inQueue}`);
    const group = queue === undefined ? "" : `, Queue: "${queue}"`;
    connection.logError(`Subscription Violation - Subject "${subject}"${group}, SID ${sid}`);
    return false;
  }
  if (maxSubscriptionTokens > 0 && subject.split(".").length > maxSubscriptionTokens) {
    connection.sendError(`Permissions Violation for Subscription to "${subject}", too many tokens`);
    connection.logError(`Subscription Violation Too Many Tokens - Subject "${subject}", SID ${sid}`);
    return false;
  }
  return true;
}
