import { isGanglionError } from "@ganglion/kernel";
import { decodeToken } from "../auth/jwt/token.js";
import { isNkey } from "../auth/nkey.js";

/** What a request to delete accounts must meet. */
export interface DeleteRules {
  readonly isEnabled: boolean;
  /** Keys that may delete. */
  readonly operatorKeys: ReadonlySet<string>;
  /** It cannot be deleted. */
  readonly systemAccount: string;
}

/** Accounts to delete, or why none may be. */
export type DeleteRequest =
  | { readonly accounts: readonly string[] }
  | { readonly issuer: string; readonly fault: string };

/**
 * Reads a request to delete accounts: a JWT that an operator has signed about itself, with a list of `accounts`.
 *
 * Source: nats-server accounts.go `handleDeleteRequest`.
 */
export function deletedAccounts(token: string, rules: DeleteRules): DeleteRequest {
  try {
    const { claim, nats } = decodeToken(token);
    const [issuer, subject] = [claim.text("iss"), claim.text("sub")];
    const refuse = (fault: string): DeleteRequest => ({ issuer: subject, fault });
    if (!rules.isEnabled) return refuse("delete must be enabled in server config");
    if (subject !== issuer) return refuse("not self signed");
    if (!rules.operatorKeys.has(issuer)) return refuse("not trusted");
    const accounts = nats.value("accounts");
    if (!Array.isArray(accounts) || !accounts.every(isAccountKey)) return refuse("malformed request");
    if (accounts.includes(rules.systemAccount)) return refuse("not allowed to delete system account");
    return { accounts };
  } catch (error) {
    if (isGanglionError(error, "INVALID_JWT")) return { issuer: "", fault: error.message };
    throw error;
  }
}

function isAccountKey(value: unknown): value is string {
  return typeof value === "string" && isNkey(value, "account");
}
