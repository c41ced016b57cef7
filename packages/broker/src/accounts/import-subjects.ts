import { hasWildcard } from "@ganglion/protocol";
import type { ImportConfig } from "../config/blocks/account-imports.js";
import { localFilter, localSubject, PLACEHOLDER } from "../config/blocks/account-links.js";
import { compileSubjectTransform, type SubjectTransform } from "../routing/subject-transform.js";

/** How the subjects of an import are called in its two accounts. */
export interface ImportSubjects {
  /** The filter in the importing account. */
  readonly local: string;
  /** The filter in the exporting account. */
  readonly remote: string;
  readonly toLocal: SubjectTransform;
  readonly toRemote: SubjectTransform;
}

/**
 * Works out the subjects of an import.
 *
 * Source: nats-server accounts.go `AddMappedStreamImport`, `addServiceImport`; subject_transform.go `reverse`.
 */
export function importSubjects(config: ImportConfig): ImportSubjects {
  const remote = config.subject;
  const local = localFilter(config);
  if (local === remote) return { local, remote, toLocal: same, toRemote: same };
  if (!hasWildcard(remote)) return { local, remote, toLocal: () => local, toRemote: () => remote };
  const numbered = numberWildcards(localSubject(config));
  return {
    local,
    remote,
    toLocal: compileSubjectTransform(remote, numbered) ?? none,
    toRemote: compileSubjectTransform(local, reversed(remote, numbered)) ?? none,
  };
}

const same: SubjectTransform = (subject) => subject;
const none: SubjectTransform = () => undefined;

/** `a.*.b.*` as `a.$1.b.$2`. */
function numberWildcards(subject: string): string {
  let index = 0;
  return subject
    .split(".")
    .map((token) => (token === "*" ? `$${++index}` : token))
    .join(".");
}

/** The remote subject with each wildcard replaced by the place it has in the local one. */
function reversed(remote: string, numberedLocal: string): string {
  const places = numberedLocal
    .split(".")
    .filter((token) => PLACEHOLDER.test(token))
    .map((token) => Number(/\d+/.exec(token)?.[0]));
  let index = 0;
  return remote
    .split(".")
    .map((token) => (token === "*" ? `$${places.indexOf(++index) + 1}` : token))
    .join(".");
}
