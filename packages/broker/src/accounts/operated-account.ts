import type { AccountClaims } from "../auth/jwt/account-claims.js";
import type { JwtUser } from "../auth/jwt/jwt-user.js";
import { isRevoked } from "../auth/jwt/revocations.js";
import type { OperatorTrust } from "../auth/jwt/trust.js";

/** An account of operator mode that is in use. */
export interface OperatedAccount {
  readonly claims: AccountClaims;
  /** The JWT of the claims. */
  readonly token: string;
  /** Its time is over, or it was deleted: nobody may be connected. */
  readonly isExpired: boolean;
}

/** Why a connection must end after its account has changed. */
export type Eviction = "account-expired" | "revoked" | "bearer-not-allowed" | "signer-changed";

/**
 * Decides whether a user may stay when the account has changed.
 *
 * Source: nats-server accounts.go `updateAccountClaimsWithRefresh`, `expiredTimeout`.
 *
 * @param before - the claims under which the user came in or was let stay.
 * @returns undefined when it may.
 */
export function evictionOf(
  { claims: user, limits }: JwtUser,
  { claims, isExpired }: OperatedAccount,
  { before, trust }: { readonly before: AccountClaims; readonly trust: OperatorTrust },
): Eviction | undefined {
  if (isExpired) return "account-expired";
  if (limits.isBearer && claims.limits.disallowBearer) return "bearer-not-allowed";
  if (isRevoked(claims.revocations, user.subject, user.issuedAtS)) return "revoked";
  return isSignedAsBefore(user.issuer, { before, after: claims, trust }) ? undefined : "signer-changed";
}

/** Whether the key that has signed a user still may, with the same scope. */
function isSignedAsBefore(
  signer: string,
  { before, after, trust }: { before: AccountClaims; after: AccountClaims; trust: OperatorTrust },
): boolean {
  if (signer === after.subject && !trust.strictKeys.has(after.issuer)) return true;
  if (!after.signingKeys.has(signer)) return false;
  return JSON.stringify(before.signingKeys.get(signer)) === JSON.stringify(after.signingKeys.get(signer));
}
