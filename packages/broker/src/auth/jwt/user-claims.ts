import { isNkey } from "../nkey.js";
import { readUserPermissionLimits, type UserPermissionLimits, userLimitFaults } from "./permission-claims.js";
import { type ClaimsData, decodeClaims, timeFaults } from "./token.js";

/** What an account says of a user. */
export interface UserClaims extends ClaimsData {
  readonly limits: UserPermissionLimits;
  /** Public key of the account, when one of its signing keys has signed; else empty. */
  readonly issuerAccount: string;
}

/** Decodes a user JWT. @throws GanglionError `INVALID_JWT`. */
export function decodeUserClaims(token: string): UserClaims {
  const { data, claim, nats } = decodeClaims(token, "user");
  const isFirst = data.version === 1;
  return {
    ...data,
    limits: readUserPermissionLimits(nats, isFirst ? -1 : 0),
    issuerAccount: (isFirst ? claim : nats).text("issuer_account"),
  };
}

/** The public key of a user's account. */
export function accountKeyOf({ issuer, issuerAccount }: UserClaims): string {
  return issuerAccount === "" ? issuer : issuerAccount;
}

/** Why a user cannot be let in, whatever its account says. Source: nats-io/jwt user_claims.go `Validate`. */
export function userClaimFaults(claims: UserClaims, nowMs: number): readonly string[] {
  const { issuerAccount, limits } = claims;
  const isForeign = issuerAccount !== "" && !isNkey(issuerAccount, "account");
  return [
    ...timeFaults(claims, nowMs),
    ...userLimitFaults(limits),
    ...(isForeign ? [`issuer_account "${issuerAccount}" is not the key of an account`] : []),
  ];
}
