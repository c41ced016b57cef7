import type { AccountClaims } from "../auth/jwt/account-claims.js";
import type { OperatorTrust } from "../auth/jwt/trust.js";
import { Permissions } from "../auth/permissions.js";
import { CLOSE_REASON, type CloseReason } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import { ERROR_TEXT, type ErrorText } from "../connection/error-texts.js";
import { removeForbidden } from "../reload/recheck.js";
import type { Account } from "./account.js";
import { type Eviction, evictionOf, type OperatedAccount } from "./operated-account.js";

/** What a connection that may not stay is told, and as what it is closed. */
const CONSEQUENCE: Readonly<Record<Eviction, readonly [ErrorText | undefined, CloseReason]>> = {
  "account-expired": [ERROR_TEXT.accountAuthenticationExpired, CLOSE_REASON.authenticationExpired],
  revoked: [ERROR_TEXT.userAuthenticationRevoked, CLOSE_REASON.revoked],
  "bearer-not-allowed": [ERROR_TEXT.authorizationViolation, CLOSE_REASON.authenticationFailure],
  "signer-changed": [undefined, CLOSE_REASON.authenticationFailure],
};

/**
 * Ends the connections of an account that may not stay after it has changed, the newest first where they are too
 * many, and gives the others the limits and permissions that hold now.
 *
 * Source: nats-server accounts.go `updateAccountClaimsWithRefresh`.
 */
export function reviewConnections(
  account: Account,
  changed: OperatedAccount,
  was: { readonly before: AccountClaims; readonly trust: OperatorTrust },
): void {
  const { maxConnections = -1 } = account.limits;
  let count = 0;
  for (const connection of [...account.connections].sort((a, b) => a.id - b.id)) {
    const { accepted } = connection.admission;
    if (accepted?.jwt === undefined) continue;
    const eviction = evictionOf(accepted.jwt, changed, was);
    if (eviction !== undefined) end(connection, CONSEQUENCE[eviction]);
    else if (maxConnections >= 0 && count >= maxConnections) {
      connection.logError(ERROR_TEXT.maxAccountConnectionsExceeded);
      end(connection, [ERROR_TEXT.maxAccountConnectionsExceeded, CLOSE_REASON.maxAccountConnectionsExceeded]);
    } else {
      count++;
      refresh(connection, changed.claims);
    }
  }
}

function end(connection: Connection, [text, reason]: readonly [ErrorText | undefined, CloseReason]): void {
  if (text === undefined) connection.close(reason);
  else connection.fail(text, reason);
}

function refresh(connection: Connection, { defaultPermissions }: AccountClaims): void {
  const { accepted } = connection.admission;
  connection.enter(connection.account, accepted?.limits);
  if (accepted?.jwt?.usesDefaultPermissions) {
    const { clock } = connection.context.options;
    connection.permit(defaultPermissions && new Permissions(defaultPermissions, clock));
    removeForbidden(connection);
  }
}
