import { brokerError } from "../errors.js";

/** What a flag takes. */
type FlagKind = "text" | "number" | "boolean";

interface FlagDefinition {
  /** All spellings, without dashes. */
  readonly names: readonly string[];
  readonly kind: FlagKind;
  readonly argument?: string;
  readonly help: string;
}

/** The flags of nats-server that this broker understands. Source: nats-server opts.go `ConfigureOptions`. */
const FLAGS = {
  host: {
    names: ["a", "addr", "net"],
    kind: "text",
    argument: "host",
    help: "Bind to host address (default: 0.0.0.0)",
  },
  port: {
    names: ["p", "port"],
    kind: "number",
    argument: "port",
    help: "Use port for clients (default: 4222, -1: a free one)",
  },
  name: {
    names: ["n", "name", "server_name"],
    kind: "text",
    argument: "name",
    help: "Server name (default: auto)",
  },
  configFile: { names: ["c", "config"], kind: "text", argument: "file", help: "Configuration file" },
  testConfig: { names: ["t"], kind: "boolean", help: "Test configuration and exit" },
  httpPort: {
    names: ["m", "http_port"],
    kind: "number",
    argument: "port",
    help: "Use port for HTTP monitoring (-1: a free one)",
  },
  pidFile: { names: ["P", "pid"], kind: "text", argument: "file", help: "File to store PID" },
  portsFileDir: {
    names: ["ports_file_dir"],
    kind: "text",
    argument: "dir",
    help: "Directory for a ports file (<executable>_<pid>.ports)",
  },
  logFile: { names: ["l", "log"], kind: "text", argument: "file", help: "File to redirect log output" },
  logTime: { names: ["T", "logtime"], kind: "boolean", help: "Timestamp log entries (default: true)" },
  debug: { names: ["D", "debug"], kind: "boolean", help: "Enable debugging output" },
  trace: { names: ["V", "trace", "VV"], kind: "boolean", help: "Trace the raw protocol" },
  debugAndTrace: { names: ["DV", "DVV"], kind: "boolean", help: "Debug and trace" },
  maxTracedMessageBytes: {
    names: ["max_traced_msg_len"],
    kind: "number",
    argument: "len",
    help: "Maximum printable length for traced messages (default: unlimited)",
  },
  jetstream: { names: ["js", "jetstream"], kind: "boolean", help: "Enable JetStream functionality" },
  storeDir: { names: ["sd", "store_dir"], kind: "text", argument: "dir", help: "Set the storage directory" },
  user: { names: ["user"], kind: "text", argument: "user", help: "User required for connections" },
  pass: { names: ["pass"], kind: "text", argument: "password", help: "Password required for connections" },
  token: {
    names: ["auth"],
    kind: "text",
    argument: "token",
    help: "Authorization token required for connections",
  },
  version: { names: ["v", "version"], kind: "boolean", help: "Show version" },
  help: { names: ["h", "help"], kind: "boolean", help: "Show this message" },
} as const satisfies Readonly<Record<string, FlagDefinition>>;

/** Flags of nats-server this broker knows but cannot obey yet, with whether they take a value. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  ...["ms", "https_port", "sl", "signal", "client_advertise"],
  ...["s", "syslog", "r", "remote_syslog", "log_size_limit", "profile", "help_tls"],
  ...["tls", "tlscert", "tlskey", "tlsverify", "tlscacert"],
  ...[
    "routes",
    "cluster",
    "cluster_name",
    "no_advertise",
    "cluster_advertise",
    "connect_retries",
    "cluster_listen",
  ],
]);

type ValueOf<K extends FlagKind> = K extends "number" ? number : K extends "boolean" ? boolean : string;

/** The flags that were given. */
export type Flags = { -readonly [Name in keyof typeof FLAGS]?: ValueOf<(typeof FLAGS)[Name]["kind"]> };

const BY_NAME: ReadonlyMap<string, readonly [keyof Flags, FlagDefinition]> = new Map(
  Object.entries(FLAGS).flatMap(([key, definition]) =>
    definition.names.map((name) => [name, [key as keyof Flags, definition]] as const),
  ),
);

/**
 * Reads a command line in the way of nats-server: `-x value`, `--x value`, `-x=value`; boolean flags take a value only
 * behind `=`. The last of a repeated flag counts.
 *
 * @param args - without the executable.
 * @throws GanglionError `INVALID_FLAGS`.
 */
export function parseFlags(args: readonly string[]): Flags {
  const flags: Record<string, string | number | boolean> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string; // i is in range
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg);
    const command = { v: "version", version: "version", h: "help", help: "help" }[arg];
    if (match === null && command !== undefined) flags[command] = true;
    if (match === null && command === undefined)
      throw invalid(`unrecognized command: ${JSON.stringify(arg)}`);
    if (match === null) continue;
    const [, name = "", attached] = match;
    const [key, definition] = find(name);
    const isSeparate = attached === undefined && definition.kind !== "boolean";
    if (isSeparate && i + 1 >= args.length) throw invalid(`flag needs an argument: -${name}`);
    const text = isSeparate ? (args[++i] as string) : attached; // checked above
    flags[key] = readValue(definition.kind, name, text);
  }
  return flags as Flags;
}

function find(name: string): readonly [keyof Flags, FlagDefinition] {
  const found = BY_NAME.get(name);
  if (found !== undefined) return found;
  if (UNSUPPORTED.has(name)) throw invalid(`flag -${name} is not supported by ganglion-broker yet`);
  throw invalid(`flag provided but not defined: -${name}`);
}

function readValue(kind: FlagKind, name: string, text: string | undefined): string | number | boolean {
  if (kind === "text") return text ?? "";
  if (kind === "number") {
    if (text !== undefined && /^-?\d+$/.test(text)) return Number(text);
  } else if (text === undefined || /^(1|t|true)$/i.test(text)) {
    return true;
  } else if (/^(0|f|false)$/i.test(text)) {
    return false;
  }
  throw invalid(`invalid value ${JSON.stringify(text)} for flag -${name}: use a ${kind}`);
}

function invalid(message: string) {
  return brokerError("INVALID_FLAGS", message);
}

/** The help text. */
export function usage(): string {
  const lines = Object.values(FLAGS).map((definition: FlagDefinition) => {
    const names = definition.names.map((name) => (name.length > 2 ? `--${name}` : `-${name}`)).join(", ");
    const argument = definition.argument === undefined ? "" : ` <${definition.argument}>`;
    return `    ${`${names}${argument}`.padEnd(36)} ${definition.help}`;
  });
  return `Usage: ganglion-broker [options]\n\nOptions, as nats-server has them:\n${lines.join("\n")}\n`;
}
