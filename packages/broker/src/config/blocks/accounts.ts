import { GLOBAL_ACCOUNT } from "../../accounts/account.js";
import type { User } from "../../auth/user.js";
import { block, byKind, field, list, mapOf, type OptionsOf, type Reader, refine, shaped } from "../reader.js";
import { flag, limit, literalSubject, nkey, percent, text, wordOf } from "../scalars.js";
import { accountExports, type ExportConfig } from "./account-exports.js";
import { accountImports, type ImportConfig, type PlacedImport } from "./account-imports.js";
import { checkAccountLinks } from "./account-links.js";
import { type MappingConfig, mappings } from "./mappings.js";
import { permissions } from "./permissions.js";
import { users, withDefaultPermissions } from "./users.js";

/** Values of `jetstream` that are no map. */
export const ENABLED: Readonly<Record<string, boolean>> = {
  enabled: true,
  enable: true,
  disabled: false,
  disable: false,
};

const jetStreamLimitFields = {
  maxMemoryBytes: field("max_memory max_mem mem memory", limit),
  maxStoreBytes: field("max_store max_file max_disk store disk", limit),
  maxStreams: field("max_streams streams", limit),
  maxConsumers: field("max_consumers consumers", limit),
  maxBytesRequired: field(
    "max_bytes_required max_stream_bytes max_bytes",
    flag,
    "Streams must limit their size.",
  ),
  memoryMaxStreamBytes: field("mem_max_stream_bytes memory_max_stream_bytes", limit),
  storeMaxStreamBytes: field("disk_max_stream_bytes store_max_stream_bytes", limit),
  maxAckPending: field("max_ack_pending", limit),
  clusterTraffic: field("cluster_traffic", wordOf({ system: "system", owner: "owner" } as const)),
};

/** Limits of JetStream for an account. -1 or absent: none. */
export type AccountJetStreamConfig = OptionsOf<typeof jetStreamLimitFields> & {
  /** Name of the tier of replication the limits are for, such as `R1`. Only claims of an operator have tiers. */
  readonly tier?: string;
};

/** Source: nats-server opts.go `parseJetStreamForAccount`. */
const accountJetStream: Reader<AccountJetStreamConfig | false> = byKind<AccountJetStreamConfig | false>(
  {
    boolean: refine(flag, (enabled) => (enabled ? {} : false)),
    string: refine(wordOf(ENABLED), (enabled) => (enabled ? {} : false)),
    map: block(jetStreamLimitFields),
  },
  'a boolean, "enabled", "disabled" or a map of limits',
);

const limitFields = {
  maxConnections: field("max_connections max_conn", limit),
  maxSubscriptions: field("max_subscriptions max_subs", limit),
  maxPayloadBytes: field("max_payload max_pay", limit),
  maxLeafNodes: field("max_leafnodes max_leafs", limit),
};

/** Limits of an account. -1 or absent: none. */
export type AccountLimitsConfig = OptionsOf<typeof limitFields>;

const traceFields = { destination: field("dest", literalSubject), sampling: field("sampling", percent(1)) };

/** Where traces of messages go, and for how many percent of them. */
export type MessageTraceConfig = OptionsOf<typeof traceFields>;

const messageTrace: Reader<MessageTraceConfig> = byKind<MessageTraceConfig>(
  {
    string: refine(literalSubject, (destination) => Object.freeze({ destination, sampling: 100 })),
    map: refine(block(traceFields), (trace, given) => {
      if (trace.destination !== undefined) return Object.freeze({ sampling: 100, ...trace });
      if (trace.sampling !== undefined)
        given.warn("sampling has no effect without dest", given.placeOf("sampling"));
      return {};
    }),
  },
  "a subject, or a map of dest and sampling",
);

const fields = {
  nkey: field("nkey", nkey("account"), "Public key of the account."),
  users: field("users", users),
  defaultPermissions: field(
    "default_permissions",
    permissions,
    "For the users that have none of their own; they are in `users` already.",
  ),
  imports: field("imports", accountImports),
  exports: field("exports", accountExports),
  jetstream: field("jetstream", accountJetStream, "false: off."),
  mappings: field("mappings maps", mappings),
  limits: field("limits", block(limitFields)),
  messageTrace: field("msg_trace trace_dest", messageTrace),
};

type AccountOptions = OptionsOf<typeof fields>;

/** An account: a space of subjects with its users and what it shares with other accounts. */
export interface AccountConfig extends Omit<AccountOptions, "imports" | "users" | "exports" | "mappings"> {
  readonly name: string;
  readonly users: readonly User[];
  readonly imports: readonly ImportConfig[];
  readonly exports: readonly ExportConfig[];
  readonly mappings: readonly MappingConfig[];
}

/** An account with the places of its imports. */
interface PlacedAccount {
  readonly config: AccountConfig;
  readonly imports: readonly PlacedImport[];
}

const oneAccount: Reader<PlacedAccount> = refine(block(fields), (options, given) => {
  const { imports = [], users: own, exports = [], mappings: mapped = [], ...rest } = options;
  const config = Object.freeze({
    ...rest,
    name: given.name,
    users: withDefaultPermissions(own, options.defaultPermissions) ?? [],
    imports: Object.freeze(imports.map((placed) => placed.config)),
    exports,
    mappings: mapped,
  });
  return { config, imports };
});

/** An account that is named and nothing else. */
const bareAccount: Reader<PlacedAccount> = refine(text, (account) => {
  const config = Object.freeze({ name: account, users: [], imports: [], exports: [], mappings: [] });
  return { config, imports: [] };
});

/** The accounts of a map. A key that serves as a variable is no account. */
const accountsByName: Reader<readonly PlacedAccount[]> = shaped((given) => {
  const entries = [...(mapOf(given)?.entries.values() ?? [])].filter(({ isReferenced }) => !isReferenced);
  const all = entries.map(({ key, value, at }) => oneAccount(given.inner(value, key, at)));
  return all.filter((account) => account !== undefined);
}, oneAccount.shape);

/** Source: nats-server opts.go `parseAccounts`. */
export const accounts: Reader<readonly AccountConfig[]> = refine(
  byKind({ list: list(bareAccount), map: accountsByName }, "a map of accounts, or a list of names"),
  (all, given) => {
    const names = new Set<string>();
    for (const { config } of all) {
      if (config.name === GLOBAL_ACCOUNT) given.fault(`"${GLOBAL_ACCOUNT}" is a reserved account`);
      if (names.has(config.name)) given.fault(`account "${config.name}" is defined twice`);
      names.add(config.name);
    }
    checkAccountLinks(
      all.map(({ config, imports }) => ({ name: config.name, exports: config.exports, imports })),
      given,
    );
    return Object.freeze(all.map(({ config }) => config));
  },
);
