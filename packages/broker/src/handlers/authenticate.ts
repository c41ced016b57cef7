import { type Accepted, type AuthOutcome, refused } from "../auth/async-authenticator.js";
import { Permissions } from "../auth/permissions.js";
import { CLOSE_REASON } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT } from "../connection/error-texts.js";

/**
 * Finds out whether a connection may come in, and takes it into its account. What the client sends meanwhile waits.
 *
 * @param then - called when it is in; at once when the decision needs no time.
 */
export function authenticate(connection: Connection, then: () => void): void {
  const { admission, options } = connection;
  admission.begin();
  const outcome = connection.authenticator.authenticate(options, admission);
  if (!(outcome instanceof Promise)) {
    settle(connection, outcome, then);
    return;
  }
  connection.hold();
  void outcome
    .catch((error: unknown) => refused(`it could not be decided: ${String(error)}`))
    .then((decided) => {
      if (connection.isClosed) return;
      settle(connection, decided, then);
      connection.proceed();
    });
}

function settle(connection: Connection, outcome: AuthOutcome, then: () => void): void {
  const { account, new_account } = connection.options;
  if (!outcome.accepted) turnAway(connection, outcome.reason);
  // Asking for an account by name was a feature once; now it is an error.
  else if (account !== "" || new_account) turnAway(connection, "an account was asked for by name");
  else if (enter(connection, outcome)) then();
}

/** Source: nats-server client.go `authViolation`. */
function turnAway(connection: Connection, reason: string): void {
  const { user, nkey } = connection.options;
  const who = user || nkey;
  connection.logError(`authentication error${who === "" ? "" : ` - User "${who}"`}: ${reason}`);
  connection.context.events.refused(connection, CLOSE_REASON.authenticationFailure);
  connection.fail(ERROR_TEXT.authorizationViolation, CLOSE_REASON.authenticationFailure);
}

/** Source: nats-server client.go `registerWithAccount`, `RegisterUser`. */
function enter(connection: Connection, accepted: Accepted): boolean {
  const { accounts, options } = connection.context;
  const account = accounts.get(accepted.accountName);
  if (account === undefined) {
    turnAway(connection, `account "${accepted.accountName}" does not exist`);
    return false;
  }
  if (account !== connection.account && account.isFull) {
    connection.logError(ERROR_TEXT.maxAccountConnectionsExceeded);
    connection.fail(ERROR_TEXT.maxAccountConnectionsExceeded, CLOSE_REASON.maxAccountConnectionsExceeded);
    return false;
  }
  connection.enter(account, accepted.limits);
  const { permissions } = accepted;
  connection.permit(permissions && new Permissions(permissions, options.clock));
  connection.admission.accept(accepted, () =>
    connection.fail(ERROR_TEXT.userAuthenticationExpired, CLOSE_REASON.authenticationExpired),
  );
  connection.parser.connectOnly = false;
  connection.context.events.entered(connection);
  return true;
}
