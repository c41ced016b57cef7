import { hasWildcard, isSubsetFilter } from "@ganglion/protocol";
import type { MappingConfig } from "../../config/blocks/mappings.js";
import { isNkey } from "../nkey.js";
import type { AccountClaims, ExternalAuthorization } from "./account-claims.js";
import { activationFaults, decodeActivationClaims } from "./activation-claims.js";
import type { ExportClaim, ImportClaim } from "./link-claims.js";
import { permissionFaults, subjectFault } from "./permission-claims.js";
import { timeFaults } from "./token.js";

type Faults = readonly string[];

/**
 * What is wrong with an account, time aside.
 *
 * Source: nats-io/jwt account_claims.go, exports.go, imports.go and signingkeys.go, `Validate`.
 */
export function accountClaimFaults(claims: AccountClaims): Faults {
  const { imports, exports, limits, signingKeys, trace, clusterTraffic } = claims;
  const badKeys = [...signingKeys.keys()].filter((key) => !isNkey(key, "account"));
  const hasWildcards = exports.some(({ subject }) => hasWildcard(subject));
  return [
    ...imports.flatMap((one) => importFaults(one, claims.subject)),
    ...overlappingServices(imports),
    ...exports.flatMap(exportFaults),
    ...containedExports(exports),
    ...permissionFaults(claims.defaultPermissions),
    ...claims.mappings.flatMap(mappingFaults),
    ...authorizationFaults(claims.authorization),
    ...badKeys.map((key) => `"${key}" is not a valid account signing key`),
    ...faultsIf({
      "the account contains more imports than allowed by the operator": isOver(
        imports.length,
        limits.imports,
      ),
      "the account contains more exports than allowed by the operator": isOver(
        exports.length,
        limits.exports,
      ),
      "the account contains wildcard exports that are not allowed by the operator":
        limits.exports !== -1 && !limits.wildcardExports && hasWildcards,
      [`the trace destination "${trace?.destination}" is not a subject to publish to`]:
        trace !== undefined &&
        (subjectFault(trace.destination) !== undefined || hasWildcard(trace.destination)),
      [`the trace sampling ${trace?.sampling} is not from 1 to 100`]:
        trace !== undefined && (trace.sampling < 1 || trace.sampling > 100),
      [`unknown cluster traffic "${clusterTraffic}"`]: !["", "system", "owner"].includes(clusterTraffic),
    }),
  ];
}

/** What is wrong with an account at a time. */
export function accountFaultsAt(claims: AccountClaims, nowMs: number): Faults {
  return [...timeFaults(claims, nowMs), ...accountClaimFaults(claims)];
}

function faultsIf(conditions: Readonly<Record<string, boolean>>): Faults {
  return Object.keys(conditions).filter((fault) => conditions[fault]);
}

function isOver(count: number, limit: number): boolean {
  return limit !== -1 && count > limit;
}

function exportFaults(one: ExportClaim): Faults {
  const { kind, subject, accountTokenPosition, latency } = one;
  const isStream = kind === "stream";
  const fault = subjectFault(subject);
  return [
    ...(fault === undefined ? [] : [fault]),
    ...faultsIf({
      [`the stream "${subject}" has a response type`]: isStream && one.responseType !== "singleton",
      [`the stream "${subject}" has allow_trace`]: isStream && one.allowTrace,
      [`the stream "${subject}" has a response threshold`]: isStream && one.responseThresholdMs > 0,
      [`the stream "${subject}" has latency tracking`]: isStream && latency !== undefined,
      [`the response threshold of "${subject}" is negative`]: one.responseThresholdMs < 0,
      [`account token position ${accountTokenPosition} of "${subject}" is no "*"`]:
        accountTokenPosition > 0 && subject.split(".")[accountTokenPosition - 1] !== "*",
      [`the sampling of "${subject}" is not from 1 to 100`]:
        typeof latency?.sampling === "number" && (latency.sampling < 1 || latency.sampling > 100),
      [`the results of latency tracking go to "${latency?.subject}"`]:
        latency !== undefined &&
        (subjectFault(latency.subject) !== undefined || hasWildcard(latency.subject)),
    }),
  ];
}

function containedExports(exports: readonly ExportClaim[]): Faults {
  return exports.flatMap((inner) =>
    exports
      .filter(
        (outer) =>
          outer !== inner && outer.kind === inner.kind && isSubsetFilter(inner.subject, outer.subject),
      )
      .map((outer) => `${inner.kind} export subject "${outer.subject}" already exports "${inner.subject}"`),
  );
}

function importFaults(one: ImportClaim, importer: string): Faults {
  const { kind, subject, account, localSubject, to, token } = one;
  const fault = subjectFault(subject);
  return [
    ...(fault === undefined ? [] : [fault]),
    ...faultsIf({
      "account to import from is not specified": account === "",
      [`allow_trace of "${subject}" is for a stream only`]: kind === "service" && one.allowTrace,
      [`share of "${subject}" is for a service only`]: kind === "stream" && one.share,
      [`local_subject of "${subject}" replaces to`]: localSubject !== "" && to !== "",
    }),
    ...(localSubject === "" ? [] : renamingFaults(subject, localSubject)),
    ...(token === "" ? [] : tokenFaults(one, importer)),
  ];
}

/** What is wrong with the activation token of an import, time aside. Source: nats-io/jwt imports.go `Validate`. */
export function tokenFaults(one: ImportClaim, importer: string): Faults {
  const act = activationOf(one);
  if (act === undefined) return [`import "${one.subject}" contains an invalid activation token`];
  const subject = one.kind === "service" && one.to !== "" ? one.to : one.subject;
  const isOfExporter = act.issuer === one.account || act.issuerAccount === one.account;
  return [
    ...activationFaults(act),
    ...faultsIf({
      [`activation token doesn't match account for import "${one.subject}"`]: !isOfExporter,
      [`activation token of import "${one.subject}" is for another account`]: act.subject !== importer,
      [`activation token of import "${one.subject}" is for a ${act.importKind}`]: act.importKind !== one.kind,
      [`activation token for "${act.importSubject}" doesn't match import "${one.subject}"`]:
        act.importSubject !== "" && !isSubsetFilter(subject, act.importSubject),
    }),
  ];
}

/** The activation token of an import, undefined when it cannot be read. */
export function activationOf({ token }: ImportClaim) {
  try {
    return decodeActivationClaims(token);
  } catch {
    return undefined;
  }
}

/** Whether every wildcard has its place. Source: nats-io/jwt types.go `RenamingSubject.Validate`. */
function renamingFaults(from: string, to: string): Faults {
  const fault = subjectFault(to);
  const wildcards = from.split(".").filter((token) => token === "*").length;
  const references = to.split(".").filter((token) => token === "*" || /^\$\d+$/.test(token));
  const isBeyond = references.some((token) => token !== "*" && Number(token.slice(1)) > wildcards);
  const endsOpen = (subject: string) => subject === ">" || subject.endsWith(".>");
  return [
    ...(fault === undefined ? [] : [fault]),
    ...faultsIf({
      [`"${to}" and "${from}" must both end in ">" or not`]: endsOpen(from) !== endsOpen(to),
      [`"${to}" refers to a wildcard that "${from}" does not have`]: isBeyond,
      [`"${to}" does not name every wildcard of "${from}" once`]:
        !isBeyond && references.length !== wildcards,
    }),
  ];
}

function overlappingServices(imports: readonly ImportClaim[]): Faults {
  const services = imports.filter(({ kind }) => kind === "service");
  return services.flatMap((one, i) => {
    const subject = localFilter(one);
    const other = services
      .slice(0, i)
      .find(
        (before) =>
          before.account === one.account &&
          (isSubsetFilter(subject, localFilter(before)) || isSubsetFilter(localFilter(before), subject)),
      );
    return other === undefined
      ? []
      : [`overlapping subject namespace for "${subject}" and "${localFilter(other)}"`];
  });
}

function localFilter({ to, localSubject, subject }: ImportClaim): string {
  return to || localSubject.replaceAll(/(?<=^|\.)\$\d+(?=\.|$)/g, "*") || subject;
}

function mappingFaults({ source, destinations }: MappingConfig): Faults {
  const totals = new Map<string | undefined, number>();
  for (const { cluster, weight } of destinations) totals.set(cluster, (totals.get(cluster) ?? 0) + weight);
  const subjects = [source, ...destinations.map(({ subject }) => subject)];
  return [
    ...subjects.map(subjectFault).filter((fault) => fault !== undefined),
    ...faultsIf({
      [`the weights of the mappings of "${source}" are more than 100 percent`]: [...totals.values()].some(
        (total) => total > 100,
      ),
    }),
  ];
}

function authorizationFaults({ authUsers, allowedAccounts, xkey }: ExternalAuthorization): Faults {
  const accounts = allowedAccounts.filter((key) => key !== "*" && !isNkey(key, "account"));
  return [
    ...authUsers
      .filter((key) => !isNkey(key, "user"))
      .map((key) => `auth user "${key}" is not the key of a user`),
    ...accounts.map((key) => `allowed account "${key}" is not the key of an account`),
    ...faultsIf({
      "external authorization has accounts without users":
        allowedAccounts.length > 0 && authUsers.length === 0,
      'allowed accounts are a list or "*"': allowedAccounts.length > 1 && allowedAccounts.includes("*"),
      [`xkey "${xkey}" is not a curve key`]: xkey !== "" && !isNkey(xkey, "curve"),
    }),
  ];
}
