import { isNkey } from "../nkey.js";
import { subjectFault } from "./permission-claims.js";
import { type ClaimsData, decodeClaims } from "./token.js";

/** What an exporting account lets another one import. */
export interface ActivationClaims extends ClaimsData {
  readonly importSubject: string;
  readonly importKind: string;
  /** The exporting account, when one of its signing keys has signed; else empty. */
  readonly issuerAccount: string;
}

/** Decodes an activation token. @throws GanglionError `INVALID_JWT`. */
export function decodeActivationClaims(token: string): ActivationClaims {
  const { data, claim, nats } = decodeClaims(token, "activation");
  const isFirst = data.version === 1;
  return {
    ...data,
    importSubject: nats.text("subject"),
    importKind: nats.text(isFirst ? "type" : "kind"),
    issuerAccount: (isFirst ? claim : nats).text("issuer_account"),
  };
}

/** What is wrong with a token, time aside. Source: nats-io/jwt activation_claims.go. */
export function activationFaults({ importSubject, importKind, issuerAccount }: ActivationClaims) {
  const subject = subjectFault(importSubject);
  const faults = subject === undefined ? [] : [subject];
  if (importKind !== "stream" && importKind !== "service")
    faults.push(`unknown kind "${importKind}" of import`);
  if (issuerAccount !== "" && !isNkey(issuerAccount, "account"))
    faults.push(`issuer_account "${issuerAccount}" is not the key of an account`);
  return faults;
}
