import {
  type Clock,
  type Duration,
  durationMs,
  type Logger,
  silentLogger,
  systemClock,
} from "@ganglion/kernel";
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
import type { SimpleAuthorization } from "./auth/simple-authenticator.js";
import { brokerError } from "./errors.js";

/** JetStream of a broker. */
export interface JetStreamOptions {
  /** Directory of the streams. Without it they are kept in memory and are gone when the broker stops. */
  readonly storeDir?: string;
  /** Bytes that streams in memory may hold together. @default no limit */
  readonly maxMemoryBytes?: number;
  /** Bytes that streams in files may hold together. @default no limit */
  readonly maxFileBytes?: number;
  /** Name of the JetStream domain: the API is also below `$JS.<domain>.API`. @default none */
  readonly domain?: string;
}

/** Options of {@link startBroker}. Limits work as in nats-server, whose defaults they have. */
export interface BrokerOptions {
  /** Address to listen on. @default "127.0.0.1" */
  readonly host?: string;
  /** TCP port; 0 or -1 takes a free one. @default 0 */
  readonly port?: number;
  /** @default the server id */
  readonly serverName?: string;
  /** Turns JetStream on. @default false */
  readonly jetstream?: boolean | JetStreamOptions;
  /** Asks clients for this user and password, or this token. @default everybody may connect */
  readonly authorization?: SimpleAuthorization;
  /** Time a connection has to authenticate. @default "2s" */
  readonly authTimeout?: Duration;
  /** Largest message, headers included, in bytes. @default 1 MiB */
  readonly maxPayloadBytes?: number;
  /** Longest argument part of a control line, in bytes. @default 4096 */
  readonly maxControlLineBytes?: number;
  /** Bytes that may wait for a slow connection before it is closed; at least `maxPayloadBytes`. @default 64 MiB */
  readonly maxPendingBytes?: number;
  /** Connections at one time. @default 65536 */
  readonly maxConnections?: number;
  /** Subscriptions per connection; 0: no limit. @default 0 */
  readonly maxSubscriptions?: number;
  /** Time between keepalive PINGs. @default "2m" */
  readonly pingInterval?: Duration;
  /** PINGs without an answer before a connection is closed. @default 2 */
  readonly maxPingsOut?: number;
  /** Time one write to a connection may take. @default "10s" */
  readonly writeDeadline?: Duration;
  /** @default a logger that writes nothing */
  readonly logger?: Logger;
  /** Receives every protocol operation as a line, as `-V` of the command line shows them. @default none */
  readonly trace?: (line: string) => void;
  /** Bytes of a payload a trace line shows; 0: all. @default 0 */
  readonly maxTracedMessageBytes?: number;
  /** @default the system clock */
  readonly clock?: Clock;
}

/** {@link BrokerOptions}, complete and in milliseconds. */
export interface ResolvedBrokerOptions {
  readonly host: string;
  readonly port: number;
  readonly serverName: string | undefined;
  readonly jetstream: JetStreamOptions | undefined;
  readonly authorization: SimpleAuthorization | undefined;
  readonly authTimeoutMs: number;
  readonly maxPayloadBytes: number;
  readonly maxControlLineBytes: number;
  readonly maxPendingBytes: number;
  readonly maxConnections: number;
  readonly maxSubscriptions: number;
  readonly pingIntervalMs: number;
  readonly maxPingsOut: number;
  readonly writeDeadlineMs: number;
  readonly logger: Logger;
  readonly trace: ((line: string) => void) | undefined;
  readonly maxTracedMessageBytes: number;
  readonly clock: Clock;
}

const DEFAULTS = {
  host: "127.0.0.1",
  port: 0,
  serverName: undefined,
  jetstream: false,
  authorization: undefined,
  authTimeout: DEFAULT_AUTH_TIMEOUT_MS,
  maxPayloadBytes: DEFAULT_MAX_PAYLOAD_BYTES,
  maxControlLineBytes: DEFAULT_MAX_CONTROL_LINE_BYTES,
  maxPendingBytes: DEFAULT_MAX_PENDING_BYTES,
  maxConnections: DEFAULT_MAX_CONNECTIONS,
  maxSubscriptions: 0,
  pingInterval: DEFAULT_PING_INTERVAL_MS,
  maxPingsOut: DEFAULT_MAX_PINGS_OUT,
  writeDeadline: DEFAULT_WRITE_DEADLINE_MS,
  logger: silentLogger,
  trace: undefined,
  maxTracedMessageBytes: 0,
  clock: systemClock,
} as const satisfies Record<keyof BrokerOptions, unknown>;

/** Range of every numeric option. */
const RANGES: Readonly<Partial<Record<keyof BrokerOptions, readonly [number, number]>>> = {
  port: [-1, 65_535],
  maxPayloadBytes: [1, 64 * 1024 * 1024],
  maxControlLineBytes: [64, 64 * 1024 * 1024],
  maxPendingBytes: [1, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, Number.MAX_SAFE_INTEGER],
  maxSubscriptions: [0, Number.MAX_SAFE_INTEGER],
  maxPingsOut: [1, 1_000_000],
  maxTracedMessageBytes: [0, Number.MAX_SAFE_INTEGER],
};

/**
 * Fills in the defaults and checks every option.
 *
 * @throws GanglionError `INVALID_BROKER_OPTIONS`, naming all faults at once.
 */
export function resolveBrokerOptions(options: BrokerOptions = {}): ResolvedBrokerOptions {
  const unknownKeys = Object.keys(options).filter((key) => !Object.hasOwn(DEFAULTS, key));
  const faults = unknownKeys.map((key) => `unknown option "${key}"`);
  const given = { ...DEFAULTS, ...withoutUndefined(options) };
  for (const [key, [min, max]] of Object.entries(RANGES)) {
    const value: unknown = given[key as keyof typeof RANGES];
    if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
      faults.push(`${key} is ${JSON.stringify(value)}, must be an integer from ${min} to ${max}`);
    }
  }
  if (given.maxPendingBytes < given.maxPayloadBytes) {
    faults.push(
      `maxPendingBytes ${given.maxPendingBytes} is less than maxPayloadBytes ${given.maxPayloadBytes}`,
    );
  }
  if (given.serverName !== undefined && !/^\S+$/.test(given.serverName)) {
    faults.push(`serverName ${JSON.stringify(given.serverName)} must be non-empty and without spaces`);
  }
  const durations = resolveDurations(given, faults);
  if (faults.length > 0) {
    throw brokerError("INVALID_BROKER_OPTIONS", `Invalid broker options: ${faults.join("; ")}`, {
      details: { faults },
    });
  }
  const { authTimeout: _a, pingInterval: _p, writeDeadline: _w, jetstream, ...rest } = given;
  return Object.freeze({
    ...rest,
    ...durations,
    jetstream: jetstream === true ? {} : jetstream === false ? undefined : jetstream,
  });
}

function withoutUndefined(options: BrokerOptions): Required<BrokerOptions> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as Required<BrokerOptions>; // only spread over the defaults
}

function resolveDurations(
  given: { authTimeout: Duration; pingInterval: Duration; writeDeadline: Duration },
  faults: string[],
) {
  const read = (name: "authTimeout" | "pingInterval" | "writeDeadline"): number => {
    try {
      return durationMs(given[name], name);
    } catch (error) {
      faults.push((error as Error).message);
      return 0;
    }
  };
  return {
    authTimeoutMs: read("authTimeout"),
    pingIntervalMs: read("pingInterval"),
    writeDeadlineMs: read("writeDeadline"),
  };
}
