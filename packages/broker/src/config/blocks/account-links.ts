import { filtersOverlap, hasWildcard, isSubsetFilter, isValidSubject } from "@ganglion/protocol";
import { compileSubjectTransform } from "../../routing/subject-transform.js";
import type { Given } from "../reader.js";
import type { ExportConfig } from "./account-exports.js";
import type { ImportConfig, PlacedImport } from "./account-imports.js";

/** What the check of imports and exports needs of an account. */
export interface LinkedAccount {
  readonly name: string;
  readonly exports: readonly ExportConfig[];
  readonly imports: readonly PlacedImport[];
}

/** A token that stands for a wildcard of the source. Source: nats-server subject_transform.go `transformUntokenize`. */
export const PLACEHOLDER = /^(?:\*|\$[1-9]\d*|\{\{\s*wildcard\s*\([^)]+\)\s*\}\})$/i;

/**
 * Checks that every import has an export that allows it, and that imports do not go round in a circle.
 *
 * Source: nats-server opts.go `parseAccounts`, accounts.go `checkStreamImportAuthorized`,
 * `checkServiceImportAuthorized`, `serviceImportFormsCycle`, `streamImportFormsCycle`.
 */
export function checkAccountLinks(accounts: readonly LinkedAccount[], given: Pick<Given, "fault">): void {
  const byName = new Map(accounts.map((account) => [account.name, account]));
  for (const { name, exports, imports } of accounts) {
    for (const { subject, accounts: importers = [] } of exports) {
      for (const importer of importers.filter((other) => !byName.has(other))) {
        given.fault(`account "${importer}", which may import "${subject}" of "${name}", is not defined`);
      }
    }
    const seen = new Set<string>();
    for (const { config, at } of imports) {
      const fault = faultOf(config, name, byName) ?? duplicate(config, seen);
      if (fault !== undefined) given.fault(fault, at);
    }
  }
}

function faultOf(
  config: ImportConfig,
  importer: string,
  accounts: ReadonlyMap<string, LinkedAccount>,
): string | undefined {
  const { kind, account, subject } = config;
  const what = `the ${kind} "${subject}" of account "${account}"`;
  const exporter = accounts.get(account);
  if (exporter === undefined) return `cannot import ${what}: the account is not defined`;
  const allowed = exporter.exports.some((one) => one.kind === kind && mayImport(one, subject, importer));
  if (!allowed) return `cannot import ${what}: it is not exported to "${importer}"`;
  if (
    config.kind === "stream" &&
    config.prefix !== undefined &&
    !isValidSubject(config.prefix.replace(/\.$/, ""))
  ) {
    return `the prefix "${config.prefix}" must be a subject without wildcards`;
  }
  const local = localSubject(config);
  if (!isRenaming(subject, local)) return `"${local}" does not name every wildcard of "${subject}" once`;
  if (formsCycle(config, importer, accounts)) return `the import of ${what} goes round in a circle`;
  return undefined;
}

/** Whether an export lets an account import `subject`. */
export function mayImport(one: ExportConfig, subject: string, importer: string): boolean {
  const { accounts = [], accountTokenPosition = 0 } = one;
  if (!isSubsetFilter(subject, one.subject)) return false;
  if (accountTokenPosition > 0) return subject.split(".")[accountTokenPosition - 1] === importer;
  return accounts.length === 0 || accounts.includes(importer);
}

function duplicate(config: ImportConfig, seen: Set<string>): string | undefined {
  if (config.kind !== "stream") return undefined;
  const identity = `${config.account} ${config.subject}`;
  if (seen.has(identity))
    return `the stream "${config.subject}" of account "${config.account}" is imported twice`;
  seen.add(identity);
  return undefined;
}

/** The subject of an import in the importing account, as it is written. */
export function localSubject(config: ImportConfig): string {
  if (config.kind === "service") return config.to;
  if (config.prefix === undefined) return config.to ?? config.subject;
  return `${config.prefix.replace(/\.$/, "")}.${config.subject}`;
}

/** Whether `local` can stand for `remote`, and back: each wildcard has its place. */
function isRenaming(remote: string, local: string): boolean {
  if (!hasWildcard(remote) || local === remote) return true;
  let index = 0;
  const tokens = local.split(".").map((token) => (token === "*" ? `$${++index}` : token));
  const wildcards = remote.split(".").filter((token) => token === "*").length;
  const placeholders = tokens.filter((token) => PLACEHOLDER.test(token)).length;
  return placeholders >= wildcards && compileSubjectTransform(remote, tokens.join(".")) !== undefined;
}

/** The local subject with its placeholders as wildcards. */
export function localFilter(config: ImportConfig): string {
  const tokens = localSubject(config).split(".");
  return tokens.map((token) => (PLACEHOLDER.test(token) ? "*" : token)).join(".");
}

/** Whether what is imported comes, through imports of the exporting account, from an account on the way. */
function formsCycle(
  { kind, account, subject }: ImportConfig,
  importer: string,
  accounts: ReadonlyMap<string, LinkedAccount>,
): boolean {
  // An account may import what it exports itself: for the latency measurements.
  if (account === importer) return false;
  const visited = new Set([importer]);
  const follow = (name: string, wanted: string): boolean => {
    const onward = (accounts.get(name)?.imports ?? []).filter(
      ({ config }) =>
        config.kind === kind && config.account !== name && filtersOverlap(localFilter(config), wanted),
    );
    return onward.some(({ config }) => {
      if (visited.has(config.account)) return true;
      visited.add(name);
      const isRenamed = localSubject(config) !== config.subject;
      const isNarrower = !isRenamed && isSubsetFilter(wanted, config.subject);
      return follow(config.account, isNarrower ? wanted : config.subject);
    });
  };
  return follow(account, subject);
}
