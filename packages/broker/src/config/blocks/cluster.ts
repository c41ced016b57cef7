import { block, field, type OptionsOf, type Reader, refine } from "../reader.js";
import {
  count,
  durationOrSeconds,
  flag,
  integer,
  listenAddress,
  port,
  spaceless,
  spreadListen,
  text,
} from "../scalars.js";
import { peerAuthorization } from "./authorization.js";
import { compression, names, urls, writeTimeout } from "./peering.js";
import { permissions } from "./permissions.js";
import { peerTls } from "./tls.js";

const fields = {
  name: field("name", spaceless),
  listen: field("listen", listenAddress),
  host: field("host net", text),
  port: field("port", port),
  authorization: field("authorization", peerAuthorization),
  routes: field("routes", urls),
  tls: field("tls", peerTls),
  advertise: field("advertise cluster_advertise", text),
  noAdvertise: field("no_advertise", flag),
  connectRetries: field("connect_retries", count),
  connectBackoff: field("connect_backoff", flag),
  permissions: field(
    "permissions",
    permissions,
    "`publish` is what is imported, `subscribe` what is exported.",
  ),
  poolSize: field("pool_size", integer(-1)),
  pinnedAccounts: field("accounts", names, "Accounts with a route of their own."),
  compression: field("compression", compression),
  pingIntervalMs: field("ping_interval", durationOrSeconds),
  maxPingsOut: field("ping_max", count),
  writeDeadlineMs: field("write_deadline", durationOrSeconds),
  writeTimeout: field("write_timeout", writeTimeout),
};

/** The `cluster` block. */
export type ClusterConfig = Omit<OptionsOf<typeof fields>, "listen">;

/** Source: nats-server opts.go `parseCluster`. */
export const cluster: Reader<ClusterConfig> = refine(block(fields), (options, given) => {
  const { authorization, permissions: own } = options;
  if (own?.responses)
    given.fault("the permissions of a cluster have no allow_responses", given.placeOf("permissions"));
  const inherited = authorization?.defaultPermissions;
  if (inherited) {
    given.warn(
      "the permissions of a cluster belong beside its authorization, not in it",
      given.placeOf("authorization"),
    );
  }
  return spreadListen(inherited && !own ? { ...options, permissions: inherited } : options);
});
