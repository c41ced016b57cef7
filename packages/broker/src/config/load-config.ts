import type { ConfigMap } from "./document.js";
import { type ConfigFault, invalidConfig } from "./fault.js";
import { type ParserWorld, parseConfigFile } from "./parser.js";
import { type Findings, Given } from "./reader.js";
import { type BrokerConfig, brokerConfig } from "./schema.js";

/** A configuration, and what in it is likely not meant. */
export interface LoadedConfig {
  readonly config: BrokerConfig;
  /** Show them with {@link formatFault}; `-t` of the command line refuses them. */
  readonly warnings: readonly ConfigFault[];
}

/**
 * Reads a configuration file in the format of nats-server.
 *
 * @param path - of the file; what it includes is relative to it.
 * @throws GanglionError `CONFIG_UNREADABLE`, or `INVALID_CONFIG` with all faults, in the order of the file.
 * @example
 * const { config } = loadBrokerConfig("broker.conf", {
 *   readFile: (path) => readFileSync(path, "utf8"),
 *   env: process.env,
 * });
 */
export function loadBrokerConfig(path: string, world: ParserWorld): LoadedConfig {
  return readConfig(parseConfigFile(path, world));
}

/** Reads a parsed configuration. @throws GanglionError `INVALID_CONFIG` with all faults. */
export function readConfig(document: ConfigMap): LoadedConfig {
  const findings: Findings = { faults: [], warnings: [] };
  const config = brokerConfig(new Given(document, "the configuration", { at: document.at, findings }));
  if (document.entries.size === 0) {
    findings.warnings.push({ at: document.at, message: "the configuration is empty" });
  }
  if (config === undefined || findings.faults.length > 0) throw invalidConfig(inOrder(findings.faults));
  return { config, warnings: inOrder(findings.warnings) };
}

/** Faults as the reader of the file meets them, file by file. */
function inOrder(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const files = [...new Set(faults.map(({ at }) => at.file))];
  return faults.toSorted(
    (a, b) =>
      files.indexOf(a.at.file) - files.indexOf(b.at.file) ||
      a.at.line - b.at.line ||
      a.at.column - b.at.column,
  );
}
