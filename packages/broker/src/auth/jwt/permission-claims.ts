import { DEFAULT_RESPONSE_RULES, type PermissionRules, type SubjectRules } from "../permission-rules.js";
import type { ClaimObject } from "./claim-object.js";
import { isTimeOfDay, isTimeZone, parseCidr, type TimeRange } from "./connect-limits.js";

const NS_PER_MS = 1_000_000;

/** What a user JWT, or the template of a signing key, says of a user. Limits: -1 is none, 0 is nothing at all. */
export interface UserPermissionLimits {
  /** Absent: the account's default permissions. */
  readonly permissions?: PermissionRules;
  /** Networks the user may connect from; empty: all. */
  readonly sources: readonly string[];
  /** Times of day the user may be connected; empty: always. */
  readonly times: readonly TimeRange[];
  /** Zone of the times; empty: the broker's own. */
  readonly timeZone: string;
  readonly maxSubscriptions: number;
  readonly maxDataBytes: number;
  readonly maxPayloadBytes: number;
  /** The JWT alone is enough: no signature of the nonce. */
  readonly isBearer: boolean;
  readonly proxyRequired: boolean;
  /** Empty: all. */
  readonly connectionTypes: readonly string[];
}

/**
 * Reads what a user may.
 *
 * @param noLimit - what an absent limit is: -1 for claims of version 1, and for templates; 0 for users of version 2.
 * @throws GanglionError `INVALID_JWT`.
 * Source: nats-io/jwt user_claims.go, decoder_user.go.
 */
export function readUserPermissionLimits(given: ClaimObject, noLimit: number): UserPermissionLimits {
  const permissions = readPermissions(given);
  return {
    ...(permissions && { permissions }),
    sources: readSources(given),
    times: given.objects("times").map((range) => ({ start: range.text("start"), end: range.text("end") })),
    timeZone: given.text("times_location"),
    maxSubscriptions: given.integer("subs", noLimit),
    maxDataBytes: given.integer("data", noLimit),
    maxPayloadBytes: given.integer("payload", noLimit),
    isBearer: given.flag("bearer_token"),
    proxyRequired: given.flag("proxy_required"),
    connectionTypes: given.texts("allowed_connection_types"),
  };
}

/** Whether nothing is said: a user of a scoped signing key must not say anything. */
export function saysNothing(limits: UserPermissionLimits): boolean {
  return Object.values(limits).every((value) => (Array.isArray(value) ? value.length === 0 : !value));
}

/**
 * Reads permissions. @returns undefined when there are none.
 *
 * Source: nats-server accounts.go `buildPermissionsFromJwt`, auth.go `validateResponsePermissions`.
 */
export function readPermissions(given: ClaimObject): PermissionRules | undefined {
  const publish = readRules(given.object("pub"));
  const subscribe = readRules(given.object("sub"));
  const responses = given.has("resp") ? readResponses(given.object("resp")) : undefined;
  if (!publish && !subscribe && !responses) return undefined;
  return { ...(publish && { publish }), ...(subscribe && { subscribe }), ...(responses && { responses }) };
}

function readRules(given: ClaimObject): SubjectRules | undefined {
  const allow = given.texts("allow");
  const deny = given.texts("deny");
  if (allow.length + deny.length === 0) return undefined;
  return { ...(allow.length > 0 && { allow }), ...(deny.length > 0 && { deny }) };
}

/** Negative means without limit, 0 the default. */
function readResponses(given: ClaimObject) {
  const max = given.integer("max");
  const ttlMs = given.integer("ttl") / NS_PER_MS;
  return {
    max: max < 0 ? -1 : max || DEFAULT_RESPONSE_RULES.max,
    expiresMs: ttlMs < 0 ? Number.POSITIVE_INFINITY : ttlMs || DEFAULT_RESPONSE_RULES.expiresMs,
  };
}

/** A list, or a text with commas. */
function readSources(given: ClaimObject): readonly string[] {
  if (typeof given.value("src") !== "string") return given.texts("src");
  const parts = given.text("src").toLowerCase().split(",");
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

/** What is wrong with them. Source: nats-io/jwt types.go `Limits.Validate`, `checkPermission`. */
export function userLimitFaults({ permissions, sources, times, timeZone }: UserPermissionLimits) {
  const faults = sources
    .filter((cidr) => parseCidr(cidr) === undefined)
    .map((cidr) => `invalid cidr "${cidr}"`);
  for (const { start, end } of times) {
    if (!isTimeOfDay(start)) faults.push(`invalid start "${start}" of a time range`);
    if (!isTimeOfDay(end)) faults.push(`invalid end "${end}" of a time range`);
  }
  if (timeZone !== "" && !isTimeZone(timeZone)) faults.push(`unknown time zone "${timeZone}"`);
  return [...faults, ...permissionFaults(permissions)];
}

/** What is wrong with permissions. Templates are no subjects yet, so only their form is looked at. */
export function permissionFaults({ publish, subscribe }: PermissionRules = {}): readonly string[] {
  const faultsOf = (rules: SubjectRules | undefined, mayQueue: boolean) =>
    [...(rules?.allow ?? []), ...(rules?.deny ?? [])].flatMap((entry) => {
      const parts = entry.split(" ");
      if (parts.length > (mayQueue ? 2 : 1)) return [`permission "${entry}" has too many spaces`];
      return parts.map(subjectFault).filter((fault) => fault !== undefined);
    });
  return [...faultsOf(subscribe, true), ...faultsOf(publish, false)];
}

/** Source: nats-io/jwt types.go `Subject.Validate`: more than that is not looked at. */
export function subjectFault(subject: string): string | undefined {
  if (subject === "") return "subject cannot be empty";
  if (subject.includes(" ")) return `subject "${subject}" cannot have spaces`;
  if (subject.startsWith(".") || subject.endsWith(".") || subject.includes("..")) {
    return `subject "${subject}" has an empty token`;
  }
  return undefined;
}
