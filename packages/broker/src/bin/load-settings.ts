import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT } from "@ganglion/protocol";
import type { ConfigFault } from "../config/fault.js";
import { loadBrokerConfig } from "../config/load-config.js";
import type { BrokerConfig } from "../config/schema.js";
import { brokerError } from "../errors.js";
import type { Flags } from "./flags.js";

/** What the command line and the configuration file say together. */
export interface CommandSettings {
  readonly options: BrokerConfig;
  readonly warnings: readonly ConfigFault[];
}

/**
 * Reads the configuration file that `flags` name, if any, and puts the flags over it.
 *
 * @throws GanglionError `CONFIG_UNREADABLE`, `INVALID_CONFIG`, `INVALID_FLAGS` for flags that do not fit together.
 */
export function loadSettings(flags: Flags): CommandSettings {
  const { config, warnings } = flags.configFile ? loadConfigFile(flags.configFile) : NO_FILE;
  if (config.syslog || config.remoteSyslog) {
    throw brokerError(
      "INVALID_CONFIG",
      "syslog is not supported: use log_file, or let the service manager pass stderr on",
    );
  }
  const { tls: _, ...settings } = { host: "0.0.0.0", port: DEFAULT_PORT, ...config, ...fromFlags(flags) };
  return {
    options: {
      ...settings,
      ...authorizationFrom(config, flags),
      ...tlsFrom(config, flags),
      jetstream: jetStreamFrom(settings, flags),
    },
    warnings,
  };
}

const NO_FILE = { config: {} as BrokerConfig, warnings: [] };

/** Reads a configuration file from the disk. */
export function loadConfigFile(path: string) {
  return loadBrokerConfig(path, { readFile: (file) => readFileSync(file, "utf8"), env: process.env });
}

/** The options that flags give as they are. Empty ones and ports of 0 are not given. */
function fromFlags(flags: Flags): BrokerConfig {
  const both = flags.debugAndVerboseTrace ?? flags.debugAndTrace;
  const verbose = flags.debugAndVerboseTrace ?? flags.verboseTrace;
  const given = {
    host: flags.host,
    port: flags.port,
    serverName: flags.name,
    clientAdvertise: flags.clientAdvertise,
    httpPort: flags.httpPort,
    httpsPort: flags.httpsPort,
    storeDir: flags.storeDir,
    pidFile: flags.pidFile,
    portsFileDir: flags.portsFileDir,
    logFile: flags.logFile,
    logTime: flags.logTime,
    logTimeUtc: flags.logTimeUtc,
    logSizeLimitBytes: flags.logSizeLimitBytes,
    debug: both ?? flags.debug,
    trace: both ?? verbose ?? flags.trace,
    traceVerbose: verbose,
    maxTracedMessageBytes: flags.maxTracedMessageBytes,
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== "" && value !== 0),
  );
}

/** Flags replace the one user or token of the file; its other settings stay. */
function authorizationFrom(
  { authorization = {} }: BrokerConfig,
  { user, pass, token }: Flags,
): Pick<BrokerConfig, "authorization"> {
  if (!user && !pass && !token) return {};
  return {
    authorization: {
      ...authorization,
      ...(user && { user }),
      ...(pass && { password: pass }),
      ...(token && { token }),
    },
  };
}

/** Flags replace the block of the file as a whole. Source: nats-server opts.go `overrideTLS`. */
function tlsFrom({ tls }: BrokerConfig, flags: Flags): Pick<BrokerConfig, "tls"> {
  const {
    tls: isOn,
    tlsVerify: verify = false,
    tlsCert: certFile,
    tlsKey: keyFile,
    tlsCaCert: caFile,
  } = flags;
  if (isOn === false) return {};
  if (!isOn && !verify && !certFile && !keyFile && !caFile) return tls === undefined ? {} : { tls };
  if (!certFile) throw brokerError("INVALID_FLAGS", "TLS needs the server certificate: --tlscert");
  if (!keyFile) throw brokerError("INVALID_FLAGS", "TLS needs the private key of the certificate: --tlskey");
  return { tls: { certFile, keyFile, verify, ...(caFile && { caFile }) } };
}

/** A broker that is a process keeps its streams on the disk, wherever that is. */
function jetStreamFrom({ jetstream = { enabled: false }, storeDir }: BrokerConfig, flags: Flags) {
  const enabled = flags.jetstream ?? jetstream.enabled;
  const directory = flags.storeDir || jetstream.storeDir || storeDir || join(tmpdir(), "ganglion");
  return { ...jetstream, enabled, ...(enabled && { storeDir: directory }) };
}
