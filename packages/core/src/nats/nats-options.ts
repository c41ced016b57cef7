import type { ConnectionOptions as NodeTlsOptions } from "node:tls";
import {
  type Clock,
  type Duration,
  durationMs,
  type Logger,
  silentLogger,
  systemClock,
} from "@ganglion/kernel";
import { coreError } from "../errors.js";
import type { Authentication } from "./authentication.js";

/** TLS of a connection. */
export interface TlsOptions
  extends Pick<
    NodeTlsOptions,
    "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized" | "minVersion"
  > {
  /** Paths of PEM files, read at every connect. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Encrypts before the server says anything; the server must be set to the same. @default false */
  readonly handshakeFirst?: boolean;
}

/** How to reach a NATS server. */
export interface NatsOptions {
  /** Such as `nats://127.0.0.1:4222`, `tls://nats.example.com`, `nats://user:password@host`. At least one. */
  readonly servers: string | readonly string[];
  /** Name of the connection in the server's monitoring. */
  readonly name?: string;
  readonly authentication?: Authentication;
  readonly tls?: TlsOptions;
  /** Time for one connect, handshake included. @default 5 s */
  readonly connectTimeout?: Duration;
  /** How long the first connect is tried over and over. 0: every address once. @default 0 */
  readonly waitForServer?: Duration;
  /** Waits between rounds of attempts double from `min` to `max`, with jitter. @default 100 ms to 5 s */
  readonly reconnectDelay?: { readonly min?: Duration; readonly max?: Duration };
  /** Rounds of attempts to restore a lost connection before it counts as closed. @default unlimited */
  readonly maxReconnects?: number;
  /** Time between keepalive pings. @default 30 s */
  readonly pingInterval?: Duration;
  /** Pings without an answer before the connection counts as lost. @default 2 */
  readonly maxPingsOut?: number;
  /** Uses only the given servers, not those a cluster tells about. @default false */
  readonly ignoreDiscovered?: boolean;
  /** First tokens of reply subjects, for permissions. @default "_INBOX" */
  readonly inboxPrefix?: string;
  /** JetStream domain, such as that of a hub seen from a leaf node. @default the server's own */
  readonly jetstreamDomain?: string;
  /** Most bytes that may wait to be written. @default 64 MiB */
  readonly maxBufferedBytes?: number;
}

/** {@link NatsOptions} with everything decided. */
export interface ResolvedNatsOptions {
  readonly servers: readonly string[];
  readonly name: string | undefined;
  readonly authentication: Authentication | undefined;
  readonly tls: TlsOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly waitForServerMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly maxReconnects: number;
  readonly pingIntervalMs: number;
  readonly maxPingsOut: number;
  readonly ignoreDiscovered: boolean;
  readonly inboxPrefix: string;
  readonly jetstreamDomain: string | undefined;
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a connection needs of its surroundings. */
export interface NatsSurroundings {
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** @throws GanglionError `INVALID_DURATION`, `INVALID_OPTIONS` */
export function resolveNatsOptions(
  options: NatsOptions,
  { clock = systemClock, logger = silentLogger }: NatsSurroundings = {},
): ResolvedNatsOptions {
  const servers = typeof options.servers === "string" ? options.servers.split(",") : options.servers;
  const faults = servers.length === 0 ? ["servers is empty"] : [];
  const prefix = options.inboxPrefix ?? "_INBOX";
  if (!/^[^\s*>]+$/.test(prefix) || prefix.endsWith("."))
    faults.push(`inboxPrefix ${JSON.stringify(prefix)}`);
  if (faults.length > 0) {
    throw coreError("INVALID_OPTIONS", `Invalid NATS options: ${faults.join(", ")}`, { details: { faults } });
  }
  return Object.freeze({
    servers: servers.map((server) => server.trim()),
    name: options.name,
    authentication: options.authentication,
    tls: options.tls,
    connectTimeoutMs: durationMs(options.connectTimeout ?? "5s", "connectTimeout"),
    waitForServerMs: durationMs(options.waitForServer ?? 0, "waitForServer"),
    reconnectMinMs: durationMs(options.reconnectDelay?.min ?? "100ms", "reconnectDelay.min"),
    reconnectMaxMs: durationMs(options.reconnectDelay?.max ?? "5s", "reconnectDelay.max"),
    maxReconnects: options.maxReconnects ?? Number.POSITIVE_INFINITY,
    pingIntervalMs: durationMs(options.pingInterval ?? "30s", "pingInterval"),
    maxPingsOut: options.maxPingsOut ?? 2,
    ignoreDiscovered: options.ignoreDiscovered ?? false,
    inboxPrefix: prefix,
    jetstreamDomain: options.jetstreamDomain,
    maxBufferedBytes: options.maxBufferedBytes ?? 64 * 1024 * 1024,
    clock,
    logger,
  });
}
