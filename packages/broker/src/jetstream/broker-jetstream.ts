import type { AccountLimits } from "@ganglion/protocol";
import { openFileStorage, openMemoryStorage } from "@ganglion/store";
import type { Account } from "../accounts/account.js";
import type { Accounts } from "../accounts/accounts.js";
import type { AccountConfig, AccountJetStreamConfig } from "../config/blocks/accounts.js";
import type { ResolvedBrokerOptions } from "../options.js";
import { NO_ACCOUNT_LIMITS } from "./account-limits.js";
import { type JetStream, startJetStream } from "./jetstream.js";
import { answerNotEnabled } from "./not-enabled.js";
import { describeSyncPolicy, syncPolicyOf } from "./sync-policy.js";

/** JetStream of a broker with the storages it runs on. */
export interface BrokerJetStream {
  readonly jetstream: JetStream;
  /** Gives JetStream to new accounts of a changed configuration. What the others have stays. */
  follow(configs: readonly AccountConfig[]): Promise<void>;
  /** Stops JetStream, then closes the storages. Idempotent. */
  close(): Promise<void>;
}

/** Opens the storages a broker's options ask for, and starts JetStream for its accounts on them. */
export async function openBrokerJetStream(
  options: ResolvedBrokerOptions,
  accounts: Accounts,
): Promise<BrokerJetStream> {
  const { clock, logger, maxPayloadBytes } = options;
  const directory = options.jetstream?.storeDir;
  const syncPolicy = syncPolicyOf(options.jetstream?.syncInterval);
  const memoryStorage = openMemoryStorage({ clock });
  const fileStorage =
    directory === undefined
      ? openMemoryStorage({ clock })
      : await openFileStorage({ directory, clock, logger, syncPolicy });
  if (directory !== undefined) logger.info(`File streams: ${describeSyncPolicy(syncPolicy)}`);
  for (const { where, problem } of fileStorage.problems()) {
    logger.warn("the store needed repair", { where, problem });
  }
  const { maxMemoryBytes, maxStoreBytes, domain } = options.jetstream ?? {};
  const jetstream = startJetStream({
    memoryStorage,
    fileStorage,
    clock,
    logger,
    maxPayloadBytes,
    maxMemoryBytes: unlessUnlimited(maxMemoryBytes),
    maxFileBytes: unlessUnlimited(maxStoreBytes),
    domain,
  });
  const close = async () => {
    await jetstream.close();
    await fileStorage.close();
    await memoryStorage.close();
  };
  const known = new Set<Account>();
  try {
    await enableAccounts({ jetstream, accounts, known }, options.accounts ?? []);
  } catch (error) {
    await close();
    throw error;
  }
  const follow = (configs: readonly AccountConfig[]) =>
    enableAccounts({ jetstream, accounts, known }, configs);
  return { jetstream, follow, close };
}

interface EnabledAccounts {
  readonly jetstream: JetStream;
  readonly accounts: Accounts;
  /** Those that have been dealt with. */
  readonly known: Set<Account>;
}

/**
 * Gives JetStream to the accounts whose configuration says so; to the global account where there are no others.
 *
 * Source: nats-server jetstream.go `enableJetStreamAccounts`, `configJetStream`.
 */
async function enableAccounts(
  { jetstream, accounts, known }: EnabledAccounts,
  configs: readonly AccountConfig[],
): Promise<void> {
  const { global, system } = accounts;
  const hasOthers = accounts.all().some((account) => account !== global && account !== system);
  for (const account of accounts.all()) {
    if (known.has(account)) continue;
    known.add(account);
    const config = configs.find(({ name }) => name === account.name)?.jetstream;
    const isOn = config !== undefined ? config !== false : account === global && !hasOthers;
    if (isOn) await jetstream.enable(account.bus, limitsOf(config || {}));
    else if (account !== system) answerNotEnabled(account.bus);
  }
}

function limitsOf(config: AccountJetStreamConfig): AccountLimits {
  const none = NO_ACCOUNT_LIMITS;
  return {
    max_memory: config.maxMemoryBytes ?? none.max_memory,
    max_storage: config.maxStoreBytes ?? none.max_storage,
    max_streams: config.maxStreams ?? none.max_streams,
    max_consumers: config.maxConsumers ?? none.max_consumers,
    max_ack_pending: config.maxAckPending ?? none.max_ack_pending,
    memory_max_stream_bytes: config.memoryMaxStreamBytes ?? none.memory_max_stream_bytes,
    storage_max_stream_bytes: config.storeMaxStreamBytes ?? none.storage_max_stream_bytes,
    max_bytes_required: config.maxBytesRequired ?? none.max_bytes_required,
  };
}

/** -1 is no limit. */
function unlessUnlimited(limit: number | undefined): number | undefined {
  return limit === -1 ? undefined : limit;
}
