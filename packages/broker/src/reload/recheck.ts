import { Permissions } from "../auth/permissions.js";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";

/**
 * Asks again whether a connection may stay, after users or accounts have changed. It is closed when it may not, or when
 * its user is in another account now; else it gets its new permissions, and loses the subscriptions they do not allow.
 *
 * Source: nats-server reload.go `reloadAuthorization`, client.go `processSubsOnConfigReload`.
 */
export async function recheck(connection: Connection): Promise<void> {
  // A connection that has yet to show its credentials is judged by the new users anyway.
  if (connection.isClosed || connection.parser.connectOnly) return;
  const { admission, options, context } = connection;
  const outcome = await connection.authenticator.authenticate(options, admission);
  if (connection.isClosed) return;
  if (!outcome.accepted) {
    connection.logError(`authentication error after reload: ${outcome.reason}`);
    connection.fail(ERROR_TEXT.authorizationViolation, CLOSE_REASON.authenticationFailure);
    return;
  }
  if (outcome.accountName !== connection.account.name) {
    connection.close(CLOSE_REASON.clientClosed);
    return;
  }
  connection.enter(connection.account, outcome.limits);
  connection.permit(outcome.permissions && new Permissions(outcome.permissions, context.options.clock));
  if (connection.admission.accepted !== undefined) connection.admission.accepted = outcome;
  removeForbidden(connection);
}

/** Ends the subscriptions that the permissions of a connection do not allow any more. */
export function removeForbidden(connection: Connection): void {
  const { permissions, context, label } = connection;
  for (const subscription of [...connection.subscriptions.values()]) {
    const { subject, queue, sid } = subscription;
    if (permissions?.maySubscribe(subject, queue) === false) {
      connection.subscriptions.delete(sid);
      connection.account.router.remove(subscription);
      const group = queue === undefined ? ("" as const) : (` using queue "${queue}"` as const);
      connection.sendError(`Permissions Violation for Subscription to "${subject}"${group} (sid "${sid}")`);
      context.options.logger.info(
        `Removed sub "${subject}"${group} (sid "${sid}") of ${label} - not authorized`,
      );
    } else {
      subscription.filter = permissions?.deliveryFilter(subject, queue);
      connection.account.router.changed(subject);
    }
  }
}
