/** What a flag takes. */
export type FlagKind = "text" | "number" | "boolean";

/** A row of {@link FLAGS}. */
export interface FlagDefinition {
  /** All spellings, without dashes. */
  readonly names: readonly string[];
  readonly kind: FlagKind;
  readonly group: "Server" | "Logging" | "JetStream" | "Authorization" | "TLS" | "Cluster" | "Common";
  readonly argument?: string;
  readonly help: string;
  /** Why the flag is known and not obeyed. */
  readonly refused?: string;
}

const NO_CLUSTER = "this broker does not join clusters";
const NO_SYSLOG = "use --log, or let the service manager pass stderr on";

/** The flags of nats-server. Source: nats-server opts.go `ConfigureOptions`, main.go `usageStr`. */
export const FLAGS = {
  host: {
    names: ["a", "addr", "net"],
    kind: "text",
    group: "Server",
    argument: "host",
    help: "Bind to host address (default: 0.0.0.0)",
  },
  port: {
    names: ["p", "port"],
    kind: "number",
    group: "Server",
    argument: "port",
    help: "Use port for clients (default: 4222, -1: a free one)",
  },
  name: {
    names: ["n", "name", "server_name"],
    kind: "text",
    group: "Server",
    argument: "name",
    help: "Server name (default: auto)",
  },
  pidFile: {
    names: ["P", "pid"],
    kind: "text",
    group: "Server",
    argument: "file",
    help: "File to store PID",
  },
  httpPort: {
    names: ["m", "http_port"],
    kind: "number",
    group: "Server",
    argument: "port",
    help: "Use port for http monitoring",
  },
  httpsPort: {
    names: ["ms", "https_port"],
    kind: "number",
    group: "Server",
    argument: "port",
    help: "Use port for https monitoring",
  },
  configFile: {
    names: ["c", "config"],
    kind: "text",
    group: "Server",
    argument: "file",
    help: "Configuration file",
  },
  testConfig: { names: ["t"], kind: "boolean", group: "Server", help: "Test configuration and exit" },
  signal: {
    names: ["sl", "signal"],
    kind: "text",
    group: "Server",
    argument: "signal[=pid]",
    help: "Send signal (ldm, stop, quit, term, reopen, reload) to the process of a PID or PID file",
  },
  clientAdvertise: {
    names: ["client_advertise"],
    kind: "text",
    group: "Server",
    argument: "host:port",
    help: "Address to tell clients instead of the own one",
  },
  portsFileDir: {
    names: ["ports_file_dir"],
    kind: "text",
    group: "Server",
    argument: "dir",
    help: "Directory for a ports file (<executable>_<pid>.ports)",
  },
  logFile: {
    names: ["l", "log"],
    kind: "text",
    group: "Logging",
    argument: "file",
    help: "File to redirect log output",
  },
  logTime: {
    names: ["T", "logtime"],
    kind: "boolean",
    group: "Logging",
    help: "Timestamp log entries (default: true)",
  },
  logTimeUtc: {
    names: ["logtime_utc"],
    kind: "boolean",
    group: "Logging",
    help: "Timestamps in UTC instead of local time",
  },
  syslog: {
    names: ["s", "syslog"],
    kind: "boolean",
    group: "Logging",
    help: "Log to syslog",
    refused: NO_SYSLOG,
  },
  remoteSyslog: {
    names: ["r", "remote_syslog"],
    kind: "text",
    group: "Logging",
    argument: "addr",
    help: "Syslog server",
    refused: NO_SYSLOG,
  },
  debug: { names: ["D", "debug"], kind: "boolean", group: "Logging", help: "Enable debugging output" },
  trace: { names: ["V", "trace"], kind: "boolean", group: "Logging", help: "Trace the raw protocol" },
  verboseTrace: {
    names: ["VV"],
    kind: "boolean",
    group: "Logging",
    help: "Trace the system account as well",
  },
  debugAndTrace: { names: ["DV"], kind: "boolean", group: "Logging", help: "Debug and trace" },
  debugAndVerboseTrace: {
    names: ["DVV"],
    kind: "boolean",
    group: "Logging",
    help: "Debug and trace the system account as well",
  },
  logSizeLimitBytes: {
    names: ["log_size_limit"],
    kind: "number",
    group: "Logging",
    argument: "bytes",
    help: "Size at which the log file is rotated (default: never)",
  },
  maxTracedMessageBytes: {
    names: ["max_traced_msg_len"],
    kind: "number",
    group: "Logging",
    argument: "len",
    help: "Maximum printable length for traced messages (default: unlimited)",
  },
  jetstream: {
    names: ["js", "jetstream"],
    kind: "boolean",
    group: "JetStream",
    help: "Enable JetStream functionality",
  },
  storeDir: {
    names: ["sd", "store_dir"],
    kind: "text",
    group: "JetStream",
    argument: "dir",
    help: "Set the storage directory",
  },
  user: {
    names: ["user"],
    kind: "text",
    group: "Authorization",
    argument: "user",
    help: "User required for connections",
  },
  pass: {
    names: ["pass"],
    kind: "text",
    group: "Authorization",
    argument: "password",
    help: "Password required for connections",
  },
  token: {
    names: ["auth"],
    kind: "text",
    group: "Authorization",
    argument: "token",
    help: "Authorization token required for connections",
  },
  tls: {
    names: ["tls"],
    kind: "boolean",
    group: "TLS",
    help: "Enable TLS, do not verify clients (default: false)",
  },
  tlsCert: {
    names: ["tlscert"],
    kind: "text",
    group: "TLS",
    argument: "file",
    help: "Server certificate file",
  },
  tlsKey: {
    names: ["tlskey"],
    kind: "text",
    group: "TLS",
    argument: "file",
    help: "Private key for server certificate",
  },
  tlsVerify: {
    names: ["tlsverify"],
    kind: "boolean",
    group: "TLS",
    help: "Enable TLS, verify client certificates",
  },
  tlsCaCert: {
    names: ["tlscacert"],
    kind: "text",
    group: "TLS",
    argument: "file",
    help: "Client certificate CA for verification",
  },
  routes: {
    names: ["routes"],
    kind: "text",
    group: "Cluster",
    argument: "urls",
    help: "Routes to solicit and connect",
    refused: NO_CLUSTER,
  },
  cluster: {
    names: ["cluster", "cluster_listen"],
    kind: "text",
    group: "Cluster",
    argument: "url",
    help: "Cluster URL for solicited routes",
    refused: NO_CLUSTER,
  },
  clusterName: {
    names: ["cluster_name"],
    kind: "text",
    group: "Cluster",
    argument: "name",
    help: "Cluster name",
    refused: NO_CLUSTER,
  },
  noAdvertise: {
    names: ["no_advertise"],
    kind: "boolean",
    group: "Cluster",
    help: "Do not advertise known cluster information to clients",
    refused: NO_CLUSTER,
  },
  clusterAdvertise: {
    names: ["cluster_advertise"],
    kind: "text",
    group: "Cluster",
    argument: "url",
    help: "Cluster URL to advertise to other servers",
    refused: NO_CLUSTER,
  },
  connectRetries: {
    names: ["connect_retries"],
    kind: "number",
    group: "Cluster",
    argument: "number",
    help: "Number of connect retries of implicit routes",
    refused: NO_CLUSTER,
  },
  profile: {
    names: ["profile"],
    kind: "number",
    group: "Common",
    argument: "port",
    help: "Profiling port",
    refused: "run the command with node --inspect",
  },
  version: { names: ["v", "version"], kind: "boolean", group: "Common", help: "Show version" },
  help: { names: ["h", "help"], kind: "boolean", group: "Common", help: "Show this message" },
  helpTls: { names: ["help_tls"], kind: "boolean", group: "Common", help: "Show how to use TLS" },
} as const satisfies Readonly<Record<string, FlagDefinition>>;
