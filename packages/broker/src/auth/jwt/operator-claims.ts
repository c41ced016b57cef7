import { isNkey } from "../nkey.js";
import { type ClaimsData, decodeClaims } from "./token.js";

/** What an operator says of itself. */
export interface OperatorClaims extends ClaimsData {
  /** Further keys that sign accounts. */
  readonly signingKeys: readonly string[];
  /** Public key of the system account; empty: not said. */
  readonly systemAccount: string;
  readonly accountServerUrl: string;
  /** Lowest version of the server, `major.minor.patch`; empty: any. */
  readonly assertServerVersion: string;
  /** Only signing keys sign: neither the operator's nor the account's own key does. */
  readonly strictSigningKeyUsage: boolean;
}

/** Decodes an operator JWT. @throws GanglionError `INVALID_JWT`. */
export function decodeOperatorClaims(token: string): OperatorClaims {
  const { data, nats } = decodeClaims(token, "operator");
  return {
    ...data,
    signingKeys: nats.texts("signing_keys"),
    systemAccount: nats.text("system_account"),
    accountServerUrl: nats.text("account_server_url"),
    assertServerVersion: nats.text("assert_server_version"),
    strictSigningKeyUsage: nats.flag("strict_signing_key_usage"),
  };
}

/** What is wrong with an operator. Source: nats-io/jwt operator_claims.go `Validate`. */
export function operatorClaimFaults(claims: OperatorClaims): readonly string[] {
  const { signingKeys, systemAccount, assertServerVersion } = claims;
  const faults = signingKeys
    .filter((key) => !isNkey(key, "operator"))
    .map((key) => `signing key "${key}" is not the key of an operator`);
  if (systemAccount !== "" && !isNkey(systemAccount, "account"))
    faults.push(`system account "${systemAccount}" is not the key of an account`);
  if (assertServerVersion !== "" && !/^\d+\.\d+\.\d+$/.test(assertServerVersion))
    faults.push(`assert_server_version "${assertServerVersion}" is not of the form major.minor.patch`);
  return faults;
}
