import { openFileStorage, openMemoryStorage } from "@ganglion/store";
import type { Account } from "../accounts/account.js";
import type { Accounts } from "../accounts/accounts.js";
import type { AccountConfig, AccountJetStreamConfig } from "../config/blocks/accounts.js";
import type { JetStreamConfig } from "../config/blocks/jetstream.js";
import { isOperated } from "../config/operated.js";
import type { ResolvedBrokerOptions } from "../options.js";
import type { AccountBus } from "./account-bus.js";
import { AccountSwitch } from "./account-switch.js";
import { type JetStream, startJetStream } from "./jetstream.js";
import { type BatchLimits, DEFAULT_BATCH_LIMITS } from "./stream/in-flight.js";
import { describeSyncPolicy, syncPolicyOf } from "./sync-policy.js";

type JetStreamLimits = NonNullable<JetStreamConfig["limits"]>;

/** JetStream of a broker with the storages it runs on. */
export interface BrokerJetStream {
  readonly jetstream: JetStream;
  /** Gives JetStream to the accounts of a changed configuration, or changes their limits. What the others have stays. */
  follow(configs: readonly AccountConfig[]): Promise<void>;
  /** Gives JetStream to an account, takes it away, or changes its limits. @param config - false: off. */
  configure(bus: AccountBus, config: AccountJetStreamConfig | false): Promise<void>;
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
  const { maxMemoryBytes, maxStoreBytes, domain, limits = {} } = options.jetstream ?? {};
  const jetstream = startJetStream({
    memoryStorage,
    fileStorage,
    clock,
    logger,
    maxPayloadBytes,
    maxMemoryBytes: unlessUnlimited(maxMemoryBytes),
    maxFileBytes: unlessUnlimited(maxStoreBytes),
    maxAckPending: unlessUnlimited(limits.maxAckPending),
    maxRequestBatch: unlessUnlimited(limits.maxRequestBatch),
    maxDuplicateWindowNs: limits.duplicateWindowMs && limits.duplicateWindowMs * 1e6,
    batchLimits: batchLimitsOf(limits.batch),
    serverName: options.serverName,
    strict: options.jetstream?.strict,
    domain,
  });
  const accountSwitch = new AccountSwitch(jetstream);
  const close = async () => {
    await jetstream.close();
    await fileStorage.close();
    await memoryStorage.close();
  };
  const enabled = { accountSwitch, accounts, isOperated: isOperated(options), known: new Set<Account>() };
  try {
    await enableAccounts(enabled, options.accounts ?? []);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    jetstream,
    follow: (configs) => enableAccounts(enabled, configs),
    configure: (bus, config) => accountSwitch.set(bus, config),
    close,
  };
}

interface EnabledAccounts {
  readonly accountSwitch: AccountSwitch;
  readonly accounts: Accounts;
  /** Accounts come with JWTs, and what they say of JetStream with them. */
  readonly isOperated: boolean;
  /** Those that have been dealt with. */
  readonly known: Set<Account>;
}

/**
 * Gives JetStream to the accounts whose configuration says so; to the global account where there are no others.
 *
 * Source: nats-server jetstream.go `enableJetStreamAccounts`, `configJetStream`.
 */
async function enableAccounts(
  { accountSwitch, accounts, isOperated: areOperated, known }: EnabledAccounts,
  configs: readonly AccountConfig[],
): Promise<void> {
  const { global, system } = accounts;
  const hasOthers = areOperated || accounts.all().some((account) => account !== global && account !== system);
  for (const account of accounts.all()) {
    const config = configs.find(({ name }) => name === account.name)?.jetstream;
    if (config === undefined && known.has(account)) continue;
    known.add(account);
    const isOn = config !== undefined ? config !== false : account === global && !hasOthers;
    if (isOn) await accountSwitch.set(account.bus, config || {});
    else if (account !== system) await accountSwitch.set(account.bus, false);
  }
}

function batchLimitsOf(given: JetStreamLimits["batch"] = {}): BatchLimits {
  const both = (limit: number | undefined, none: BatchLimits["maxTotal"]) =>
    limit === undefined || limit <= 0 ? none : { atomic: limit, fast: limit };
  const { maxPerStream, maxTotal, maxMessages, timeoutMs } = DEFAULT_BATCH_LIMITS;
  return {
    maxPerStream: both(given.maxInflightPerStream, maxPerStream),
    maxTotal: both(given.maxInflightTotal, maxTotal),
    maxMessages: unlessUnlimited(given.maxMessages) ?? maxMessages,
    timeoutMs: given.timeoutMs ?? timeoutMs,
  };
}

/** -1 is no limit. */
function unlessUnlimited(limit: number | undefined): number | undefined {
  return limit === -1 ? undefined : limit;
}
