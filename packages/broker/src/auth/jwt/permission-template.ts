import { isValidFilter } from "@ganglion/protocol";
import type { PermissionRules, SubjectRules } from "../permission-rules.js";
import { accountKeyOf, type UserClaims } from "./user-claims.js";

/** The account of a user, as far as templates name it. */
export interface TemplateAccount {
  readonly name: string;
  readonly tags: readonly string[];
}

/** Most subjects a list may grow to. Source: nats-server auth.go `maxPermTemplateSubjectExpansions`. */
const MAX_SUBJECTS = 4096;
const TEMPLATE = /\{\{([^}]+)\}\}/g;

/**
 * Fills the templates in the permissions of a signing key for a user: `{{name()}}`, `{{subject()}}`,
 * `{{account-name()}}`, `{{account-subject()}}`, `{{tag(key)}}`, `{{account-tag(key)}}`. A tag with several values
 * makes several subjects.
 *
 * @returns undefined when a template is unknown, or a denied subject would be invalid: then nobody must come in.
 * Source: nats-server auth.go `processUserPermissionsTemplate`.
 */
export function fillTemplates(
  { publish, subscribe, ...rest }: PermissionRules,
  user: UserClaims,
  account: TemplateAccount,
): PermissionRules | undefined {
  const valuesOf = (operation: string) => templateValues(operation, user, account);
  const filledPublish = publish && fillRules(publish, valuesOf);
  const filledSubscribe = subscribe && fillRules(subscribe, valuesOf);
  if ((publish && !filledPublish) || (subscribe && !filledSubscribe)) return undefined;
  return {
    ...rest,
    ...(filledPublish && { publish: filledPublish }),
    ...(filledSubscribe && { subscribe: filledSubscribe }),
  };
}

type ValuesOf = (operation: string) => readonly string[] | undefined;

function fillRules({ allow = [], deny = [] }: SubjectRules, valuesOf: ValuesOf): SubjectRules | undefined {
  const allowed = fillList(allow, valuesOf);
  const denied = fillList(deny, valuesOf);
  if (allowed === undefined || denied === undefined || denied.some((subject) => subject === undefined)) {
    return undefined;
  }
  const valid = allowed.filter((subject) => subject !== undefined);
  const denies = denied.filter((subject) => subject !== undefined);
  // An empty list would allow everything.
  const isEmptied = allow.length > 0 && valid.length === 0;
  return {
    ...(valid.length > 0 && { allow: valid }),
    ...(denies.length > 0 || isEmptied ? { deny: isEmptied ? [...denies, ">"] : denies } : {}),
  };
}

/** The subjects of a list, undefined in the place of an invalid one; undefined for all of them when they cannot be filled. */
function fillList(list: readonly string[], valuesOf: ValuesOf): readonly (string | undefined)[] | undefined {
  if (!list.some((subject) => subject.match(TEMPLATE))) return list;
  const filled: (string | undefined)[] = [];
  for (const subject of list) {
    const subjects = fill(subject, valuesOf);
    if (subjects === undefined || filled.length + subjects.length > MAX_SUBJECTS) return undefined;
    filled.push(...subjects.map((one) => (isValidFilter(one) ? one : undefined)));
  }
  return filled;
}

function fill(subject: string, valuesOf: ValuesOf): readonly string[] | undefined {
  let subjects = [subject];
  for (const [template, operation = ""] of subject.matchAll(TEMPLATE)) {
    const values = valuesOf(operation.trim());
    if (values === undefined || subjects.length * values.length > MAX_SUBJECTS) return undefined;
    subjects = values.flatMap((value) => subjects.map((one) => one.replace(template, () => value)));
  }
  return subjects;
}

/** What a template stands for. A tag that is not there is a blank, which no valid subject has. */
function templateValues(
  operation: string,
  user: UserClaims,
  account: TemplateAccount,
): readonly string[] | undefined {
  const [, kind, key = ""] = /^(tag|account-tag)\((.*)\)$/i.exec(operation) ?? [];
  if (kind !== undefined) {
    const prefix = `${key.toLowerCase()}:`;
    const tags = kind.toLowerCase() === "tag" ? user.tags : account.tags;
    const values = tags.filter((tag) => tag.startsWith(prefix)).map((tag) => tag.slice(prefix.length));
    return values.length > 0 ? values : [" "];
  }
  switch (operation.toLowerCase()) {
    case "name()":
      return [user.name];
    case "subject()":
      return [user.subject];
    case "account-name()":
      return [account.name];
    case "account-subject()":
      return [accountKeyOf(user)];
    default:
      return undefined;
  }
}
