import { isSubsetFilter } from "@ganglion/protocol";
import type { ImportConfig } from "../../config/blocks/account-imports.js";
import { activationOf, tokenFaults } from "./account-claim-faults.js";
import type { AccountClaims } from "./account-claims.js";
import type { ActivationClaims } from "./activation-claims.js";
import type { ExportClaim, ImportClaim } from "./link-claims.js";
import { isRevoked } from "./revocations.js";
import { timeFaults } from "./token.js";

/** Imports of an account that hold at a time. */
export interface LinkedImports {
  readonly imports: readonly ImportConfig[];
  /** Why the others do not hold, a sentence each. */
  readonly faults: readonly string[];
  /** When the first activation token expires, in milliseconds since 1970; Infinity: never. */
  readonly validUntilMs: number;
}

/**
 * Finds out which imports of an account the exporting accounts allow.
 *
 * @param exporterOf - claims of an account by its public key; undefined when it is not known.
 * Source: nats-server accounts.go `updateAccountClaimsWithRefresh` at `ac.Imports`, `checkAuth`, `checkActivation`.
 */
export function linkImports(
  importer: AccountClaims,
  exporterOf: (key: string) => AccountClaims | undefined,
  nowMs: number,
): LinkedImports {
  const imports: ImportConfig[] = [];
  const faults: string[] = [];
  let validUntilMs = Number.POSITIVE_INFINITY;
  for (const one of importer.imports) {
    const verdict = judge(one, { importer, exporter: exporterOf(one.account), nowMs });
    if (verdict.fault === undefined) {
      imports.push(importConfigOf(one));
      validUntilMs = Math.min(validUntilMs, verdict.validUntilMs);
    } else {
      faults.push(
        `cannot import the ${one.kind} "${one.subject}" of account ${one.account}: ${verdict.fault}`,
      );
    }
  }
  return { imports, faults, validUntilMs };
}

/** The subject of an import in the exporting account. */
function exportedSubject({ kind, subject, to }: ImportClaim): string {
  return kind === "service" && to !== "" ? to : subject;
}

function importConfigOf(one: ImportClaim): ImportConfig {
  const { kind, account, subject, to, localSubject } = one;
  if (kind === "service") {
    return { kind, account, subject: exportedSubject(one), to: localSubject || subject, share: one.share };
  }
  return {
    kind,
    account,
    subject,
    ...(localSubject !== "" && { to: localSubject }),
    ...(localSubject === "" && to !== "" && { prefix: to }),
    ...(one.allowTrace && { allowTrace: true }),
  };
}

/** Why an import does not hold, or until when it does. */
interface Verdict {
  readonly fault?: string;
  readonly validUntilMs: number;
}

/** What an import is judged by. */
interface Circumstances {
  readonly importer: AccountClaims;
  readonly exporter: AccountClaims | undefined;
  readonly nowMs: number;
}

function judge(one: ImportClaim, { importer, exporter, nowMs }: Circumstances): Verdict {
  const no = (fault: string): Verdict => ({ fault, validUntilMs: 0 });
  const always: Verdict = { validUntilMs: Number.POSITIVE_INFINITY };
  if (exporter === undefined) return no("the account is not known");
  const subject = exportedSubject(one);
  const found = exporter.exports.find(
    (given) => given.kind === one.kind && isSubsetFilter(subject, given.subject),
  );
  if (found === undefined) return no("it is not exported");
  const { accountTokenPosition, tokenRequired } = found;
  if (accountTokenPosition > 0) {
    const isOwn = subject.split(".")[accountTokenPosition - 1] === importer.subject;
    return isOwn ? always : no(`token ${accountTokenPosition} must be the key of the importing account`);
  }
  if (!tokenRequired) return always;
  if (one.token === "") return no("it needs an activation token");
  const act = activationOf(one);
  const [fault] = [
    ...tokenFaults(one, importer.subject),
    ...(act === undefined ? [] : activationFaultsAt(act, { exporter, found, nowMs })),
  ];
  if (fault !== undefined || act === undefined) return no(fault ?? "its activation token cannot be read");
  return act.expiresAtS > 0 ? { validUntilMs: act.expiresAtS * 1000 } : always;
}

function activationFaultsAt(
  act: ActivationClaims,
  { exporter, found, nowMs }: { exporter: AccountClaims; found: ExportClaim; nowMs: number },
): readonly string[] {
  const { issuer, issuerAccount } = act;
  const isTrusted =
    issuerAccount === "" || (issuerAccount === exporter.subject && exporter.signingKeys.has(issuer));
  const isExpired = act.expiresAtS > 0 && act.expiresAtS * 1000 <= nowMs;
  return [
    ...(isTrusted ? [] : ["its activation token is signed by an unknown key"]),
    ...(isExpired ? ["its activation token is expired"] : timeFaults(act, nowMs)),
    ...(isRevoked(found.revocations, act.subject, act.issuedAtS) ? ["its activation token is revoked"] : []),
  ];
}
