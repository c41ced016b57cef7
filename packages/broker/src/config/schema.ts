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
  listen: field("listen", listenAddress),
  host: field("host net", text),
  /** -1: a free one. */
  port: field("port", port),
  /** host:port to tell clients. */
  clientAdvertise: field("client_advertise", text),
  serverName: field("server_name", spaceless),
  tls: field("tls", tls),
  /** Clients may stay without TLS. */
  allowNonTls: field("allow_non_tls", flag),
  proxyProtocol: field("proxy_protocol", flag),
  websocket: field("websocket ws", websocket),
  leafnodes: field("leafnodes leaf", leafnodes),
  cluster: field("cluster", cluster),
  gateway: field("gateway", gateway),

  // Who may connect.
  authorization: field("authorization", authorization),
  accounts: field("accounts", accounts),
  /** Mappings of the global account. */
  mappings: field("mappings maps", mappings),
  /** User name or nkey of connections without credentials. */
  noAuthUser: field("no_auth_user", text),
  systemAccount: field("system_account system", text),
  noSystemAccount: field("no_system_account no_system no_sys_acc", flag),
  /** Paths of operator JWTs, or the JWTs. */
  operators: field("operator operators roots root root_operators root_operator", oneOrMore(text)),
  /** Public keys of operators. */
  trustedKeys: field("trusted_keys trusted", oneOrMore(nkey("operator"))),
  resolver: field("resolver account_resolver accounts_resolver", resolver),
  resolverTls: field("resolver_tls", tls),
  /** Account JWTs by the public key of their account. */
  resolverPreload: field("resolver_preload", dictionary(secret)),
  /** Public keys of the accounts that may be used. */
  resolverPinnedAccounts: field("resolver_pinned_accounts", names),
  /** JWT of connections that bring none. */
  defaultSentinel: field("default_sentinel", secret),

  // Limits. 0 is the default.
  maxConnections: field("max_connections max_conn", limit),
  maxPayloadBytes: field("max_payload", zeroIsDefault(integer(0, MAX_INT32))),
  maxPendingBytes: field("max_pending", zeroIsDefault(count)),
  maxControlLineBytes: field("max_control_line", zeroIsDefault(integer(0, MAX_INT32))),
  /** Per connection; 0 or -1: no limit. */
  maxSubscriptions: field("max_subscriptions max_subs", limit),
  maxSubscriptionTokens: field("max_sub_tokens max_subscription_tokens", integer(1, 255)),
  maxClosedClients: field("max_closed_clients", zeroIsDefault(count)),
  pingIntervalMs: field("ping_interval", zeroIsDefault(durationOrSeconds)),
  maxPingsOut: field("ping_max", zeroIsDefault(count)),
  writeDeadlineMs: field("write_deadline", zeroIsDefault(durationOrSeconds)),
  writeTimeout: field("write_timeout", writeTimeout),
  lameDuckDurationMs: field("lame_duck_duration", duration(MIN_LAME_DUCK_MS)),
  lameDuckGracePeriodMs: field("lame_duck_grace_period", duration()),
  noFastProducerStall: field("no_fast_producer_stall", flag),
  noHeaderSupport: field("no_header_support", flag),
  noSublistCache: field("disable_sublist_cache no_sublist_cache", flag),

  // JetStream.
  jetstream: field("jetstream", jetstream),
  storeDir: field("store_dir storedir", text),
  /** Domain by account. */
  defaultJetStreamDomain: field("default_js_domain", dictionary(text)),

  // Monitoring.
  http: field("http", listenAddress),
  https: field("https", listenAddress),
  httpPort: field("http_port monitor_port", port),
  httpsPort: field("https_port", port),
  httpBasePath: field("http_base_path", text),
  profPort: field("prof_port", port),
  profBlockRate: field("prof_block_rate", integer()),
  serverTags: field("server_tags", oneOrMore(text)),
  serverMetadata: field("server_metadata", dictionary(text)),
  featureFlags: field("feature_flags", dictionary(flag)),

  // Logging and files.
  debug: field("debug", flag),
  trace: field("trace", flag),
  /** Also traces the system account. */
  traceVerbose: field("trace_verbose", flag),
  /** Traces headers, not payloads. */
  traceHeaders: field("trace_headers", flag),
  maxTracedMessageBytes: field("max_traced_msg_len", count),
  logTime: field("logtime", flag),
  logTimeUtc: field("logtime_utc", flag),
  logFile: field("log_file logfile", text),
  logSizeLimitBytes: field("log_size_limit logfile_size_limit", count),
  logMaxFiles: field("log_max_num logfile_max_num", count),
  syslog: field("syslog", flag),
  remoteSyslog: field("remote_syslog", text),
  pidFile: field("pid_file pidfile", text),
  portsFileDir: field("ports_file_dir", text),
  connectErrorReports: field("connect_error_reports", count),
  reconnectErrorReports: field("reconnect_error_reports", count),
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
