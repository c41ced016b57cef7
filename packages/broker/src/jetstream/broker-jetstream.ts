import { openFileStorage, openMemoryStorage } from "@ganglion/store";
import type { ResolvedBrokerOptions } from "../options.js";
import type { AccountBus } from "./account-bus.js";
import { type JetStream, startJetStream } from "./jetstream.js";

/** JetStream of a broker with the storages it runs on. */
export interface BrokerJetStream {
  readonly jetstream: JetStream;
  /** Stops JetStream, then closes the storages. Idempotent. */
  close(): Promise<void>;
}

/** Opens the storages a broker's options ask for, and starts JetStream for the account of `bus` on them. */
export async function openBrokerJetStream(
  options: ResolvedBrokerOptions,
  bus: AccountBus,
): Promise<BrokerJetStream> {
  const { clock, logger, maxPayloadBytes } = options;
  const directory = options.jetstream?.storeDir;
  const memoryStorage = openMemoryStorage({ clock });
  const fileStorage =
    directory === undefined
      ? openMemoryStorage({ clock })
      : await openFileStorage({ directory, clock, logger });
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
  try {
    await jetstream.enable(bus);
  } catch (error) {
    await close();
    throw error;
  }
  return { jetstream, close };
}

/** -1 is no limit. */
function unlessUnlimited(limit: number | undefined): number | undefined {
  return limit === -1 ? undefined : limit;
}
