import type { SyncPolicy } from "@ganglion/store";
import type { JetStreamAccount } from "../jetstream/account.js";
import type { Stream } from "../jetstream/stream/stream.js";
import { syncPolicyOf } from "../jetstream/sync-policy.js";
import { API_LEVEL } from "../version.js";
import type { BrokerView } from "./broker-view.js";
import { unlessEmpty } from "./monitoring-format.js";

const NO_LIMIT = -1;
const NS_PER_MS = 1_000_000;

/** Bytes that streams hold, and those they have reserved by `max_bytes`. */
function bytesOf(streams: Iterable<Stream>) {
  const use = { memory: 0, storage: 0, reserved_memory: 0, reserved_storage: 0 };
  for (const { config, store } of streams) {
    const { bytes } = store.messages.state();
    const reserved = Math.max(0, config.max_bytes);
    if (config.storage === "memory") {
      use.memory += bytes;
      use.reserved_memory += reserved;
    } else {
      use.storage += bytes;
      use.reserved_storage += reserved;
    }
  }
  return use;
}

/** The configuration of JetStream, if it is on. Source: nats-server jetstream.go `JetStreamConfig`. */
export function jetStreamConfig({ context, jetstream }: BrokerView) {
  const options = context.options.jetstream;
  if (jetstream === undefined || options === undefined) return undefined;
  return {
    max_memory: options.maxMemoryBytes ?? NO_LIMIT,
    max_storage: options.maxStoreBytes ?? NO_LIMIT,
    store_dir: unlessEmpty(options.storeDir),
    ...(options.storeDir === undefined ? {} : syncConfig(syncPolicyOf(options.syncInterval))),
    domain: unlessEmpty(options.domain),
    strict: unlessEmpty(options.strict),
  };
}

function syncConfig(policy: SyncPolicy) {
  return policy.kind === "interval"
    ? { sync_interval: policy.intervalMs * NS_PER_MS }
    : { sync_always: unlessEmpty(policy.kind === "always") };
}

/** What all accounts use, if JetStream is on. Source: nats-server jetstream.go `JetStreamStats`. */
export function jetStreamStatistics({ jetstream }: BrokerView) {
  if (jetstream === undefined) return undefined;
  const accounts = [...jetstream.accounts()];
  const streams = accounts.flatMap((account) => [...account.streams]);
  return {
    ...bytesOf(streams),
    accounts: accounts.length,
    ha_assets: 0,
    api: {
      level: API_LEVEL,
      total: accounts.reduce((sum, { apiUse }) => sum + apiUse.total, 0),
      errors: accounts.reduce((sum, { apiUse }) => sum + apiUse.errors, 0),
    },
  };
}

/** What one account uses. */
export function accountStatistics(account: JetStreamAccount) {
  return {
    ...bytesOf(account.streams),
    accounts: 0,
    ha_assets: 0,
    api: { level: API_LEVEL, ...account.apiUse },
  };
}
