import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT } from "@ganglion/protocol";
import type { ConfigFault } from "../config/fault.js";
import { loadBrokerConfig } from "../config/load-config.js";
import type { BrokerConfig } from "../config/schema.js";
import type { BrokerOptions } from "../options.js";
import type { Flags } from "./flags.js";

/** What the command line and the configuration file say together. */
export interface CommandSettings {
  readonly options: Omit<BrokerOptions, "jetstream"> & Pick<BrokerConfig, "jetstream">;
  readonly warnings: readonly ConfigFault[];
}

/**
 * Reads the configuration file that `flags` name, if any, and puts the flags over it.
 *
 * @throws GanglionError `CONFIG_UNREADABLE`, `INVALID_CONFIG`.
 */
export function loadSettings(flags: Flags): CommandSettings {
  const { config, warnings } =
    flags.configFile === undefined ? { config: {}, warnings: [] } : loadConfigFile(flags.configFile);
  const overridden = { host: "0.0.0.0", port: DEFAULT_PORT, ...config, ...fromFlags(flags) };
  return {
    options: { ...overridden, ...authorizationFrom(flags), ...jetStreamFrom(overridden, flags) },
    warnings,
  };
}

/** Reads a configuration file from the disk. */
export function loadConfigFile(path: string) {
  return loadBrokerConfig(path, { readFile: (file) => readFileSync(file, "utf8"), env: process.env });
}

/** The options that flags give as they are. */
function fromFlags(flags: Flags): BrokerConfig {
  const hasTrace = flags.debugAndTrace ?? flags.trace;
  const given: BrokerConfig = {
    host: flags.host,
    port: flags.port === 0 ? undefined : flags.port,
    serverName: flags.name,
    httpPort: flags.httpPort,
    storeDir: flags.storeDir,
    pidFile: flags.pidFile,
    portsFileDir: flags.portsFileDir,
    logFile: flags.logFile,
    logTime: flags.logTime,
    debug: flags.debugAndTrace ?? flags.debug,
    trace: hasTrace,
    maxTracedMessageBytes: flags.maxTracedMessageBytes,
  } as BrokerConfig; // what is undefined goes in the next line
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function authorizationFrom({ user, pass, token }: Flags): Pick<BrokerOptions, "authorization"> {
  if (token !== undefined) return { authorization: { token } };
  if (user === undefined && pass === undefined) return {};
  return { authorization: { user: user ?? "", password: pass ?? "" } };
}

/** A broker that is a process keeps its streams on the disk, wherever that is. */
function jetStreamFrom(
  { jetstream = { enabled: false }, storeDir }: BrokerConfig,
  flags: Flags,
): Pick<BrokerConfig, "jetstream"> {
  if (!(flags.jetstream ?? jetstream.enabled)) return { jetstream: { ...jetstream, enabled: false } };
  const directory = flags.storeDir ?? jetstream.storeDir ?? storeDir ?? join(tmpdir(), "ganglion");
  return { jetstream: { ...jetstream, enabled: true, storeDir: directory } };
}
