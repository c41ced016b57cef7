import { isDeepStrictEqual } from "node:util";
import { isOperated } from "../config/operated.js";
import { brokerFields } from "../config/schema.js";
import type { ResolvedBrokerOptions } from "../options.js";

type OptionName = keyof ResolvedBrokerOptions;

/** What a running broker can take over, with what has to be done about it. */
export const RELOADABLE = {
  authorization: "users",
  authTimeoutMs: "next",
  accounts: "users",
  mappings: "users",
  noAuthUser: "users",
  tls: "tls",
  allowNonTls: "info",
  clientAdvertise: "info",
  maxConnections: "limits",
  maxPayloadBytes: "limits",
  maxPendingBytes: "limits",
  maxControlLineBytes: "limits",
  maxSubscriptions: "limits",
  maxSubscriptionTokens: "next",
  pingIntervalMs: "limits",
  maxPingsOut: "limits",
  writeDeadlineMs: "limits",
  lameDuckDurationMs: "next",
  lameDuckGracePeriodMs: "next",
  maxTracedMessageBytes: "next",
  trace: "next",
  traceVerbose: "next",
  traceHeaders: "next",
  traceLine: "limits",
  connectErrorReports: "next",
  reconnectErrorReports: "next",
  serverTags: "next",
  serverMetadata: "next",
} as const satisfies Partial<Record<OptionName, string>>;

/** What a change concerns: who may connect, encryption, INFO, all connections, or only what happens next. */
export type ChangeKind = (typeof RELOADABLE)[keyof typeof RELOADABLE];

/** An option that gets another value. */
export interface Change {
  readonly name: OptionName;
  readonly kind: ChangeKind;
}

/** What a reload would do. */
export interface ReloadPlan {
  readonly changes: readonly Change[];
  /** Why it cannot be done. */
  readonly refused: readonly string[];
}

/** Finds out what changes from `now` to `next`. */
export function planReload(now: ResolvedBrokerOptions, next: ResolvedBrokerOptions): ReloadPlan {
  const names = [...new Set([...Object.keys(now), ...Object.keys(next)])] as OptionName[]; // of options
  const changed = names.filter((name) => isChanged(now[name], next[name]));
  const changes = changed.flatMap((name) => (isReloadable(name) ? [{ name, kind: RELOADABLE[name] }] : []));
  const refused = changed
    .filter((name) => !isReloadable(name))
    .map(
      (name) => `${keyOf(name)} cannot change while the broker runs${valuesOf(name, now[name], next[name])}`,
    );
  return { changes, refused: [...refused, ...jetStreamOfAccounts(now, next), ...operated(next, changes)] };
}

/** How the log tells a change: with the value where it is no secret. */
export function describeChange({ name }: Change, next: ResolvedBrokerOptions): string {
  const value = next[name];
  const shown = isPlain(value) ? ` = ${value}` : value === undefined ? " is off" : "";
  return `Reloaded: ${keyOf(name)}${shown}`;
}

function isReloadable(name: OptionName): name is keyof typeof RELOADABLE {
  return Object.hasOwn(RELOADABLE, name);
}

function isChanged(now: unknown, next: unknown): boolean {
  // Of a function only matters whether there is one.
  if (typeof now === "function" || typeof next === "function") return typeof now !== typeof next;
  return !isDeepStrictEqual(now, next);
}

/** The key of the configuration file, which people know. */
function keyOf(name: string): string {
  return Object.hasOwn(brokerFields, name)
    ? (brokerFields[name as keyof typeof brokerFields].keys[0] ?? name)
    : name;
}

function valuesOf(name: OptionName, now: unknown, next: unknown): string {
  const isSecret = name === "defaultSentinel";
  return isPlain(now) && isPlain(next) && !isSecret ? ` (from ${now} to ${next})` : "";
}

function isPlain(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}

function jetStreamOfAccounts(now: ResolvedBrokerOptions, next: ResolvedBrokerOptions): readonly string[] {
  const before = new Map(now.accounts?.map(({ name, jetstream }) => [name, jetstream]));
  return (next.accounts ?? [])
    .filter(({ name, jetstream }) => before.has(name) && !isDeepStrictEqual(before.get(name), jetstream))
    .map(({ name }) => `jetstream of account "${name}" cannot change while the broker runs`);
}

function operated(next: ResolvedBrokerOptions, changes: readonly Change[]): readonly string[] {
  const changesUsers = isOperated(next) && changes.some(({ kind }) => kind === "users");
  return changesUsers ? ["users and accounts come from JWTs, not from the configuration"] : [];
}
