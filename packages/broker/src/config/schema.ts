import { identityOf } from "../auth/user.js";
import { accounts } from "./blocks/accounts.js";
import { authorization } from "./blocks/authorization.js";
import { cluster } from "./blocks/cluster.js";
import { gateway } from "./blocks/gateway.js";
import { jetstream } from "./blocks/jetstream.js";
import { leafnodes } from "./blocks/leafnodes.js";
import { mappings } from "./blocks/mappings.js";
import { names, writeTimeout } from "./blocks/peering.js";
import { resolver } from "./blocks/resolver.js";
import { tls } from "./blocks/tls.js";
import { websocket } from "./blocks/websocket.js";
import {
  block,
  dictionary,
  field,
  type Given,
  type OptionsOf,
  oneOrMore,
  type Reader,
  refine,
} from "./reader.js";
import {
  count,
  duration,
  durationOrSeconds,
  flag,
  integer,
  limit,
  listenAddress,
  MAX_INT32,
  nkey,
  port,
  secret,
  spaceless,
  spreadListen,
  text,
  zeroIsDefault,
} from "./scalars.js";

/** Source: nats-server opts.go, at `lame_duck_duration`. */
const MIN_LAME_DUCK_MS = 30_000;

/** The table of a configuration: its options, the keys of each, and how its value is read. */
export const brokerFields = {
  // Listening.
  listen: field("listen", listenAddress, "Address for clients."),
  host: field("host net", text, "Address to listen on; default 0.0.0.0."),
  port: field("port", port, "Port for clients; default 4222, -1: a free one."),
  clientAdvertise: field(
    "client_advertise",
    text,
    "Address to tell clients in INFO, instead of the own one.",
  ),
  serverName: field("server_name", spaceless, "Default: the id of the server."),
  tls: field("tls", tls, "TLS for clients."),
  allowNonTls: field("allow_non_tls", flag, "Clients may stay without TLS."),
  proxyProtocol: field("proxy_protocol", flag, "PROXY protocol of load balancers."),
  websocket: field("websocket ws", websocket, "Listener for WebSocket clients."),
  leafnodes: field("leafnodes leaf", leafnodes, "Leaf nodes."),
  cluster: field("cluster", cluster, "Routes to other servers."),
  gateway: field("gateway", gateway, "Gateways between clusters."),

  // Who may connect.
  authorization: field("authorization", authorization, "Who may connect. Absent: everybody."),
  accounts: field("accounts", accounts, "Spaces of subjects with their users."),
  mappings: field("mappings maps", mappings, "Mappings of the global account."),
  noAuthUser: field("no_auth_user", text, "User name or nkey of connections without credentials."),
  systemAccount: field("system_account system", text, "Account of the server itself; default $SYS."),
  noSystemAccount: field("no_system_account no_system no_sys_acc", flag, "There is no system account."),
  operators: field(
    "operator operators roots root root_operators root_operator",
    oneOrMore(text),
    "Paths of operator JWTs, or the JWTs.",
  ),
  trustedKeys: field("trusted_keys trusted", oneOrMore(nkey("operator")), "Public keys of operators."),
  resolver: field(
    "resolver account_resolver accounts_resolver",
    resolver,
    "Where the JWTs of accounts come from.",
  ),
  resolverTls: field("resolver_tls", tls, "TLS of a resolver with a URL."),
  resolverPreload: field(
    "resolver_preload",
    dictionary(secret),
    "Account JWTs by the public key of their account.",
  ),
  resolverPinnedAccounts: field(
    "resolver_pinned_accounts",
    names,
    "Public keys of the accounts that may be used.",
  ),
  defaultSentinel: field("default_sentinel", secret, "JWT of connections that bring none."),

  // Limits. 0 is the default.
  maxConnections: field("max_connections max_conn", limit, "Default 65536; -1: no limit."),
  maxPayloadBytes: field(
    "max_payload",
    zeroIsDefault(integer(0, MAX_INT32)),
    "Largest message with its headers; default 1 MiB. Not more than max_pending.",
  ),
  maxPendingBytes: field(
    "max_pending",
    zeroIsDefault(count),
    "Bytes that may wait for a slow connection before it is closed; default 64 MiB.",
  ),
  maxControlLineBytes: field(
    "max_control_line",
    zeroIsDefault(integer(0, MAX_INT32)),
    "Longest argument part of a control line; default 4096.",
  ),
  maxSubscriptions: field("max_subscriptions max_subs", limit, "Per connection; 0 or -1: no limit."),
  maxSubscriptionTokens: field(
    "max_sub_tokens max_subscription_tokens",
    integer(1, 255),
    "Most tokens of a subject that is subscribed to.",
  ),
  maxClosedClients: field(
    "max_closed_clients",
    zeroIsDefault(count),
    "Closed connections that /connz remembers; default 10000.",
  ),
  pingIntervalMs: field("ping_interval", zeroIsDefault(durationOrSeconds), "Default 2m."),
  maxPingsOut: field(
    "ping_max",
    zeroIsDefault(count),
    "PINGs without an answer before a connection is closed; default 2.",
  ),
  writeDeadlineMs: field(
    "write_deadline",
    zeroIsDefault(durationOrSeconds),
    "Time one write to a connection may take; default 10s.",
  ),
  writeTimeout: field("write_timeout", writeTimeout, "What follows when it takes longer."),
  lameDuckDurationMs: field(
    "lame_duck_duration",
    duration(MIN_LAME_DUCK_MS),
    "Time in which lame duck mode closes all connections; default 2m.",
  ),
  lameDuckGracePeriodMs: field(
    "lame_duck_grace_period",
    duration(),
    "Time before it closes the first; default 10s.",
  ),
  noFastProducerStall: field(
    "no_fast_producer_stall",
    flag,
    "Producers are not slowed down for slow receivers.",
  ),
  noHeaderSupport: field("no_header_support", flag, "Messages have no headers."),
  noSublistCache: field(
    "disable_sublist_cache no_sublist_cache",
    flag,
    "Matches of subjects are not cached.",
  ),

  // JetStream.
  jetstream: field("jetstream", jetstream, "Streams."),
  storeDir: field("store_dir storedir", text, "Directory of JetStream, where its block names none."),
  defaultJetStreamDomain: field("default_js_domain", dictionary(text), "Domain by account."),

  // Monitoring.
  http: field("http", listenAddress, "Address of the monitoring server."),
  https: field("https", listenAddress, "The same with TLS."),
  httpPort: field("http_port monitor_port", port, "Port of the monitoring server; -1: a free one."),
  httpsPort: field("https_port", port, "The same with TLS."),
  httpBasePath: field("http_base_path", text, "Path before those of monitoring."),
  profPort: field("prof_port", port, "Port for profiling."),
  profBlockRate: field("prof_block_rate", integer(), "Rate of the block profile."),
  serverTags: field("server_tags", oneOrMore(text), "For /varz."),
  serverMetadata: field("server_metadata", dictionary(text), "For /varz."),
  featureFlags: field("feature_flags", dictionary(flag), "Features of nats-server that are off or on."),

  // Logging and files.
  debug: field("debug", flag, "Debug lines in the log."),
  trace: field("trace", flag, "Every protocol operation in the log."),
  traceVerbose: field("trace_verbose", flag, "Also traces the system account."),
  traceHeaders: field("trace_headers", flag, "Traces headers, not payloads."),
  maxTracedMessageBytes: field(
    "max_traced_msg_len",
    count,
    "Bytes of a payload that a trace line shows; 0: all.",
  ),
  logTime: field("logtime", flag, "Lines begin with the time; default true."),
  logTimeUtc: field("logtime_utc", flag, "The time is that of UTC."),
  logFile: field("log_file logfile", text, "Default: stderr."),
  logSizeLimitBytes: field(
    "log_size_limit logfile_size_limit",
    count,
    "Size at which the log file is rotated; 0: never.",
  ),
  logMaxFiles: field(
    "log_max_num logfile_max_num",
    count,
    "Log files that are kept, with the current one; 0: all.",
  ),
  syslog: field("syslog", flag, "Refused: use log_file, or let the service manager pass stderr on."),
  remoteSyslog: field("remote_syslog", text, "Refused, as syslog."),
  pidFile: field("pid_file pidfile", text, "File to write the process id to."),
  portsFileDir: field(
    "ports_file_dir",
    text,
    "Directory for the file `<executable>_<pid>.ports` with the addresses.",
  ),
  connectErrorReports: field(
    "connect_error_reports",
    count,
    "How often failing connections to other servers are logged.",
  ),
  reconnectErrorReports: field("reconnect_error_reports", count, "The same for connections that were lost."),
};

type TopLevel = OptionsOf<typeof brokerFields>;

/** What a configuration file says. What it does not say is absent: defaults and flags come later. */
export interface BrokerConfig extends Omit<TopLevel, "listen" | "http" | "https"> {
  /** Address of the monitoring listener; absent: `host`. */
  readonly httpHost?: string;
}

const OUT_OF_SCOPE = "it is out of scope of this broker";

const topLevel = block(brokerFields, {
  unsupported: { mqtt: OUT_OF_SCOPE, ocsp: OUT_OF_SCOPE, ocsp_cache: OUT_OF_SCOPE, proxies: OUT_OF_SCOPE },
});

/**
 * Reads a whole configuration. What the broker cannot do yet is read all the same.
 *
 * Source: nats-server opts.go `processConfigFile`.
 */
export const brokerConfig: Reader<BrokerConfig> = refine(topLevel, (options, given) => {
  checkUsers(options, given);
  if (options.storeDir && options.jetstream?.storeDir) {
    given.fault("store_dir is given at the top and in jetstream", given.placeOf("store_dir", "storedir"));
  }
  const { http, https, port: ownPort, ...rest } = spreadListen(options);
  const trace = options.trace || options.traceVerbose || options.traceHeaders;
  const httpHost = http?.host ?? https?.host;
  return Object.freeze({
    ...(http === undefined ? {} : { httpPort: http.port }),
    ...(https === undefined ? {} : { httpsPort: https.port }),
    ...(httpHost === undefined ? {} : { httpHost }),
    // 0 is the default port.
    ...(ownPort ? { port: ownPort } : {}),
    ...rest,
    ...(trace === undefined ? {} : { trace }),
  });
});

/** Checks the users of the authorization and of all accounts against each other. */
function checkUsers({ authorization: single, accounts: all = [] }: TopLevel, given: Given): void {
  const ofAccounts = all.flatMap(({ users }) => users);
  const at = given.placeOf("accounts");
  const seen = new Set<string>();
  for (const user of [...(single?.users ?? []), ...ofAccounts]) {
    const identity = identityOf(user);
    if (seen.has(identity)) given.fault(`user "${identity}" is defined twice`, at);
    seen.add(identity);
  }
  if (ofAccounts.length > 0 && single?.user)
    given.fault("a single user and users of accounts exclude each other", at);
  if (ofAccounts.length > 0 && single?.token)
    given.fault("a token and users of accounts exclude each other", at);
  const names = new Set(all.map(({ name }) => name));
  for (const account of single?.authCallout?.allowedAccounts ?? []) {
    if (!names.has(account))
      given.fault(`account "${account}" of auth_callout is not defined`, given.placeOf("authorization"));
  }
}
