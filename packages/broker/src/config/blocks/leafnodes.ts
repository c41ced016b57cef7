import { GLOBAL_ACCOUNT } from "../../accounts/account.js";
import { decodeNkeySeed } from "../../auth/nkey.js";
import { block, byKind, field, list, type OptionsOf, oneOrMore, type Reader, refine } from "../reader.js";
import {
  durationOrSeconds,
  filter,
  flag,
  listenAddress,
  nkey,
  port,
  secret,
  spreadListen,
  text,
  timeout,
  url,
} from "../scalars.js";
import { compression, urls, writeTimeout } from "./peering.js";
import { tls } from "./tls.js";

const userFields = {
  user: field("user username", text),
  password: field("pass password", secret),
  account: field("account", text),
  proxyRequired: field("proxy_required", flag),
};

/** A user leaf nodes connect as. */
export type LeafUserConfig = OptionsOf<typeof userFields>;

const authorizationFields = {
  ...userFields,
  nkey: field("nkey", nkey("user")),
  timeoutMs: field("timeout", timeout),
  users: field("users", list(block(userFields))),
};

/** Who may connect as a leaf node. */
export type LeafAuthorizationConfig = OptionsOf<typeof authorizationFields>;

/** Source: nats-server opts.go `parseLeafAuthorization`, leafnode.go `validateLeafNodeAuthOptions`. */
const authorization: Reader<LeafAuthorizationConfig> = refine(
  block(authorizationFields),
  (options, given) => {
    const { users = [] } = options;
    if (users.length === 0) return options;
    if (options.user)
      given.fault("a single user and a list of users exclude each other", given.placeOf("users"));
    if (options.nkey)
      given.fault("a single nkey and a list of users exclude each other", given.placeOf("users"));
    const seen = new Set<string>();
    for (const { user = "" } of users) {
      if (seen.has(user)) given.fault(`user "${user}" is defined twice`, given.placeOf("users"));
      seen.add(user);
    }
    return options;
  },
);

const userSeed: Reader<string> = refine(secret, (seed, given) =>
  decodeNkeySeed(seed)?.kind === "user"
    ? seed
    : given.fault(`${given.name} must be the seed of a user's nkey`),
);

const migrateFields = { leaderMigrateDelayMs: field("leader_migrate_delay", durationOrSeconds) };

const proxyFields = {
  url: field("url", url),
  user: field("username", text),
  password: field("password", secret),
  timeoutMs: field("timeout", durationOrSeconds),
};

const proxy = refine(block(proxyFields), (options, given) => {
  if (options.url === undefined) return options;
  if (!/^https?:\/\/./i.test(options.url)) given.fault("the URL of a proxy is http or https and has a host");
  if (!options.user !== !options.password)
    given.fault("a proxy takes both username and password, or neither");
  return options;
});

const remoteFields = {
  urls: field("urls url", urls),
  noRandomize: field("no_randomize dont_randomize", flag),
  account: field("account local", text, "Local account it connects. @default the global account"),
  credentials: field("credentials creds", text, "Path of a file with JWT and seed."),
  seed: field("nkey seed", userSeed, "Seed of the user it connects as."),
  tls: field("tls", tls),
  hub: field("hub", flag, "This broker is the hub of the two."),
  denyImports: field("deny_imports deny_import", oneOrMore(filter)),
  denyExports: field("deny_exports deny_export", oneOrMore(filter)),
  webSocketCompression: field("ws_compression ws_compress websocket_compression websocket_compress", flag),
  webSocketNoMasking: field("ws_no_masking websocket_no_masking", flag),
  jetStreamClusterMigrate: field(
    "jetstream_cluster_migrate js_cluster_migrate",
    byKind<OptionsOf<typeof migrateFields> | false>(
      { boolean: refine(flag, (on) => (on ? {} : false)), map: block(migrateFields) },
      "a boolean or a map",
    ),
  ),
  isolate: field("isolate_leafnode_interest isolate", flag),
  requestIsolation: field("request_isolation", flag),
  compression: field("compression", compression),
  firstInfoTimeoutMs: field("first_info_timeout", durationOrSeconds),
  dialTimeoutMs: field("dial_timeout", durationOrSeconds),
  disabled: field("disabled", flag),
  proxy: field("proxy", proxy),
  ignoreDiscoveredServers: field("ignore_discovered_servers", flag),
};

/** A hub this broker connects to as a leaf node. */
export type LeafRemoteConfig = OptionsOf<typeof remoteFields>;

/** Source: nats-server opts.go `parseRemoteLeafNodes`. */
const remote: Reader<LeafRemoteConfig> = refine(block(remoteFields), (options, given) => {
  if (options.credentials && options.seed) given.fault("credentials and nkey exclude each other");
  return options;
});

const remotes: Reader<readonly LeafRemoteConfig[]> = refine(list(remote), (all, given) => {
  const seen = new Set<string>();
  for (const { urls: targets, account = GLOBAL_ACCOUNT, credentials, seed } of all) {
    if (targets === undefined) continue;
    const identity = JSON.stringify([targets, account, credentials, seed]);
    if (seen.has(identity)) given.fault(`a remote of account "${account}" is defined twice`);
    seen.add(identity);
  }
  return all;
});

/** Source: nats-server leafnode.go `checkLeafMinVersionConfig`. */
const minVersion: Reader<string> = refine(text, (version, given) => {
  const [, major, minor] = /^v?(\d+)\.(\d+)\.\d+/.exec(version) ?? [];
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 8)) return version;
  return given.fault(`${given.name} must be a version from 2.8.0, not "${version}"`);
});

const fields = {
  listen: field("listen", listenAddress),
  host: field("host net", text),
  port: field("port", port, "0: no listener for leaf nodes."),
  authorization: field("authorization", authorization),
  remotes: field("remotes", remotes),
  reconnectMs: field("reconnect reconnect_delay reconnect_interval", durationOrSeconds),
  dialTimeoutMs: field("dial_timeout", durationOrSeconds),
  tls: field("tls", tls),
  advertise: field("advertise leafnode_advertise", text),
  noAdvertise: field("no_advertise", flag),
  minVersion: field("min_version minimum_version", minVersion),
  compression: field("compression", compression),
  isolate: field("isolate_leafnode_interest isolate", flag),
  writeDeadlineMs: field("write_deadline", durationOrSeconds),
  writeTimeout: field("write_timeout", writeTimeout),
};

/** The `leafnodes` block. */
export type LeafNodesConfig = Omit<OptionsOf<typeof fields>, "listen">;

/** Source: nats-server opts.go `parseLeafNodes`. */
export const leafnodes: Reader<LeafNodesConfig> = refine(block(fields), spreadListen);
