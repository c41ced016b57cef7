import { type Clock, type Logger, silentLogger, systemClock } from "@ganglion/kernel";
import {
  DEFAULT_AUTH_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_CONTROL_LINE_BYTES,
  DEFAULT_MAX_PAYLOAD_BYTES,
  DEFAULT_MAX_PENDING_BYTES,
  DEFAULT_MAX_PINGS_OUT,
  DEFAULT_PING_INTERVAL_MS,
  DEFAULT_WRITE_DEADLINE_MS,
} from "@ganglion/protocol";
import type { AccountConfig } from "./config/blocks/accounts.js";
import type { AuthorizationConfig } from "./config/blocks/authorization.js";
import type { JetStreamConfig } from "./config/blocks/jetstream.js";
import {
  configConflicts,
  DEFAULT_LAME_DUCK_DURATION_MS,
  DEFAULT_LAME_DUCK_GRACE_PERIOD_MS,
} from "./config/conflicts.js";
import { isOperated } from "./config/operated.js";
import { isOption, unknownInBlocks } from "./config/option-names.js";
import { withoutEffect } from "./config/pending-options.js";
import type { BrokerConfig } from "./config/schema.js";
import { brokerError } from "./errors.js";
import { type BrokerHooks, hookFaults } from "./hooks/broker-hooks.js";
import { advertisedAddress } from "./listeners/advertised-address.js";

/** JetStream of a broker. Without a directory streams are kept in memory and are gone when the broker stops. */
export interface JetStreamOptions extends Omit<JetStreamConfig, "enabled"> {
  /** @default true */
  readonly enabled?: boolean;
}

/** Who may connect: one user, one token, or several users. */
export interface AuthorizationOptions extends AuthorizationConfig {
  /** The same as `password`, as CONNECT calls it. */
  readonly pass?: string;
}

/** An account. What it does not name it does not have. */
export type AccountOptions = Partial<AccountConfig> & Pick<AccountConfig, "name">;

/**
 * Options of {@link startBroker}: the keys of a configuration file in camel case, with units in their names, and what
 * only code can give. Defaults are those of nats-server, except for `host` and `port`.
 */
export interface BrokerOptions extends Omit<BrokerConfig, "jetstream" | "authorization" | "accounts"> {
  /** Address to listen on. @default "127.0.0.1" */
  readonly host?: string;
  /** TCP port; 0 or -1 takes a free one. @default 0 */
  readonly port?: number;
  /** Turns JetStream on. @default false */
  readonly jetstream?: boolean | JetStreamOptions;
  /** @default everybody may connect */
  readonly authorization?: AuthorizationOptions;
  readonly accounts?: readonly AccountOptions[];
  /** @default a logger that writes nothing */
  readonly logger?: Logger;
  /**
   * Receives every protocol operation as a line, as `-V` of the command line shows them.
   *
   * @default with `trace: true` the logger's `debug`
   */
  readonly traceLine?: (line: string) => void;
  /** @default the system clock */
  readonly clock?: Clock;
  /** Functions that decide who may connect and what clients may do. @default none */
  readonly hooks?: BrokerHooks;
}

/** {@link BrokerOptions}, complete: every part of the broker reads these. */
export interface ResolvedBrokerOptions extends BrokerConfig {
  readonly host: string;
  readonly port: number;
  /** Absent: JetStream is off. */
  readonly jetstream?: JetStreamConfig;
  /** Time a connection has to authenticate. */
  readonly authTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxControlLineBytes: number;
  readonly maxPendingBytes: number;
  readonly maxConnections: number;
  /** Per connection; 0: no limit. */
  readonly maxSubscriptions: number;
  readonly pingIntervalMs: number;
  readonly maxPingsOut: number;
  readonly writeDeadlineMs: number;
  /** Bytes of a payload a trace line shows; 0: all. */
  readonly maxTracedMessageBytes: number;
  readonly lameDuckDurationMs: number;
  readonly lameDuckGracePeriodMs: number;
  readonly logger: Logger;
  /** Absent: nothing is traced. */
  readonly traceLine?: (line: string) => void;
  readonly clock: Clock;
  readonly hooks?: BrokerHooks;
}

/** Source: nats-server const.go. */
const DEFAULTS = {
  host: "127.0.0.1",
  port: 0,
  maxPayloadBytes: DEFAULT_MAX_PAYLOAD_BYTES,
  maxControlLineBytes: DEFAULT_MAX_CONTROL_LINE_BYTES,
  maxPendingBytes: DEFAULT_MAX_PENDING_BYTES,
  maxConnections: DEFAULT_MAX_CONNECTIONS,
  maxSubscriptions: 0,
  pingIntervalMs: DEFAULT_PING_INTERVAL_MS,
  maxPingsOut: DEFAULT_MAX_PINGS_OUT,
  writeDeadlineMs: DEFAULT_WRITE_DEADLINE_MS,
  maxTracedMessageBytes: 0,
  lameDuckDurationMs: DEFAULT_LAME_DUCK_DURATION_MS,
  lameDuckGracePeriodMs: DEFAULT_LAME_DUCK_GRACE_PERIOD_MS,
  logger: silentLogger,
  clock: systemClock,
} as const satisfies Partial<BrokerOptions>;

const PORT = [-1, 65_535] as const;
const INT32 = [1, 2 ** 31 - 1] as const;
const LIMIT = [-1, Number.MAX_SAFE_INTEGER] as const;
const TIME = [0, Number.MAX_SAFE_INTEGER] as const;

/** Range of the options that are numbers. */
const RANGES: Readonly<Partial<Record<keyof BrokerOptions, readonly [number, number]>>> = {
  port: PORT,
  httpPort: PORT,
  httpsPort: PORT,
  maxPayloadBytes: INT32,
  maxControlLineBytes: INT32,
  maxPendingBytes: [1, Number.MAX_SAFE_INTEGER],
  maxConnections: LIMIT,
  maxSubscriptions: LIMIT,
  maxPingsOut: INT32,
  maxTracedMessageBytes: TIME,
  pingIntervalMs: TIME,
  writeDeadlineMs: TIME,
  lameDuckDurationMs: TIME,
  lameDuckGracePeriodMs: TIME,
};

/** Options only the command acts on: it has a log of its own. */
export const COMMAND_OPTIONS = [
  "debug",
  "logTime",
  "logTimeUtc",
  "logFile",
  "logSizeLimitBytes",
  "logMaxFiles",
  "syslog",
  "remoteSyslog",
  "pidFile",
  "portsFileDir",
] as const satisfies readonly (keyof BrokerConfig)[];

/**
 * Fills in the defaults and checks the options. What has no effect yet is refused where security depends on it, and
 * logged as a warning elsewhere.
 *
 * @throws GanglionError `INVALID_BROKER_OPTIONS`, naming all faults at once.
 */
export function resolveBrokerOptions(options: BrokerOptions = {}): ResolvedBrokerOptions {
  const given = withoutUndefined(options);
  const { authorization, accounts, jetstream, maxConnections, maxSubscriptions, ...rest } = given;
  const logger = given.logger ?? DEFAULTS.logger;
  const traceLine = tracer(given, logger);
  const { traceLine: _, ...settings } = rest;
  const resolved: ResolvedBrokerOptions = Object.freeze({
    ...DEFAULTS,
    ...settings,
    ...(maxConnections === undefined
      ? {}
      : { maxConnections: unlimitedAs(maxConnections, Number.POSITIVE_INFINITY) }),
    ...(maxSubscriptions === undefined ? {} : { maxSubscriptions: unlimitedAs(maxSubscriptions, 0) }),
    ...(authorization && { authorization: authorizationOf(authorization) }),
    ...(accounts && { accounts: accounts.map(accountOf) }),
    ...jetStreamOf(jetstream, given.storeDir),
    ...(traceLine && { traceLine }),
    authTimeoutMs: authorization?.timeoutMs ?? DEFAULT_AUTH_TIMEOUT_MS,
  });
  const { refused, ignored } = withoutEffect(resolved);
  const faults = [...faultsOf(given), ...configConflicts(resolved), ...refused];
  if (faults.length > 0) {
    throw brokerError("INVALID_BROKER_OPTIONS", `Invalid broker options: ${faults.join("; ")}`, {
      details: { faults },
    });
  }
  for (const warning of ignored) logger.warn(warning);
  for (const name of COMMAND_OPTIONS) {
    if (given[name] !== undefined) logger.warn(`${name} is for the command ganglion-broker only`);
  }
  return resolved;
}

function faultsOf(given: BrokerOptions): readonly string[] {
  const faults = Object.keys(given)
    .filter((key) => !isOption(key) && !ONLY_IN_CODE.has(key))
    .map((key) => `unknown option "${key}"`);
  faults.push(...unknownInBlocks(given));
  for (const [key, [min, max]] of Object.entries(RANGES)) {
    const value: unknown = given[key as keyof typeof RANGES];
    if (value === undefined) continue;
    const kind = key.endsWith("Ms") ? "a number" : "an integer";
    const isOfKind = kind === "a number" ? Number.isFinite(value) : Number.isInteger(value);
    if (!isOfKind || (value as number) < min || (value as number) > max) {
      faults.push(`${key} is ${JSON.stringify(value)}, must be ${kind} from ${min} to ${max}`);
    }
  }
  if (given.serverName !== undefined && !/^\S+$/.test(given.serverName)) {
    faults.push(`serverName ${JSON.stringify(given.serverName)} must be non-empty and without spaces`);
  }
  if (given.hooks !== undefined) faults.push(...hookFaults(given.hooks), ...hookConflicts(given));
  const { clientAdvertise } = given;
  if (clientAdvertise && advertisedAddress(clientAdvertise, 1) === undefined) {
    faults.push(`clientAdvertise ${JSON.stringify(clientAdvertise)} must be "host" or "host:port"`);
  }
  return faults;
}

/** A hook that decides who may connect decides alone. */
function hookConflicts({
  hooks,
  authorization = {},
  accounts = [],
  ...given
}: BrokerOptions): readonly string[] {
  if (hooks?.authenticate === undefined) return [];
  const { timeoutMs: _, ...users } = authorization;
  const hasUsers = Object.keys(users).length > 0 || accounts.some((account) => account.users?.length);
  const others = hasUsers || given.noAuthUser !== undefined || isOperated(given);
  return others ? ["hooks.authenticate decides alone: give no users, tokens or operators beside it"] : [];
}

const ONLY_IN_CODE: ReadonlySet<string> = new Set(["logger", "traceLine", "clock", "hooks"]);

function withoutUndefined(options: BrokerOptions): BrokerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function unlimitedAs(limit: number, none: number): number {
  return limit === -1 ? none : limit;
}

function tracer({ trace, traceLine }: BrokerOptions, logger: Logger) {
  if (trace === false) return undefined;
  return traceLine ?? (trace ? (line: string) => logger.debug(line) : undefined);
}

function authorizationOf({ pass, ...options }: AuthorizationOptions): AuthorizationConfig {
  return Object.freeze({ ...(pass === undefined ? {} : { password: pass }), ...options });
}

function accountOf(options: AccountOptions): AccountConfig {
  return Object.freeze({ users: [], imports: [], exports: [], mappings: [], ...options });
}

function jetStreamOf(
  jetstream: BrokerOptions["jetstream"],
  storeDir: string | undefined,
): { readonly jetstream?: JetStreamConfig } {
  if (jetstream === undefined || jetstream === false) return {};
  const options = jetstream === true ? {} : jetstream;
  if (options.enabled === false) return {};
  return {
    jetstream: Object.freeze({ ...(storeDir === undefined ? {} : { storeDir }), ...options, enabled: true }),
  };
}
