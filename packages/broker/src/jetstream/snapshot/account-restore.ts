import type { StorageType, StreamConfig } from "@ganglion/protocol";
import type { Storage, StreamStore } from "@ganglion/store";
import { ListenerRelay } from "../listener-relay.js";
import { readStreamMetadata, streamMetadata } from "../stored-metadata.js";
import type { Stream } from "../stream/stream.js";
import type { BackupHeader } from "./backup-format.js";
import { StreamRestore } from "./restore-stream.js";

/** A stream that is being read from a backup. */
export interface AccountRestore {
  write(chunk: Buffer): Promise<void>;
  /** Opens the stream. Rejects when the backup is not whole. */
  finish(): Promise<Stream>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

/** What {@link restoreInto} needs of the account. */
export interface RestoreTarget {
  readonly accountName: string;
  readonly nowUs: () => number;
  storageFor(type: StorageType): Storage;
  /** Makes a restored store a stream of the account. */
  open(
    store: StreamStore,
    relay: ListenerRelay,
    options: { config: StreamConfig; createdUs: number },
  ): Promise<Stream>;
}

const UNLIMITED = { maxMessages: 0, maxBytes: 0, maxAgeUs: 0, maxMessagesPerSubject: 0 };

/**
 * Restores a stream under a configuration. Until it is finished, a restart would remove what is there.
 *
 * @param over - is called when it is finished or aborted.
 */
export function restoreInto(target: RestoreTarget, config: StreamConfig, over: () => void): AccountRestore {
  const relay = new ListenerRelay();
  const storage = target.storageFor(config.storage);
  let isCreated = false;
  let createdUs = target.nowUs();
  const openStore = async ({ metadata, firstSequence }: BackupHeader) => {
    createdUs = readStreamMetadata(metadata)?.createdUs ?? createdUs;
    const store = await storage.createStream(target.accountName, config.name, {
      limits: UNLIMITED,
      listener: relay,
      initialSequence: firstSequence,
      metadata: streamMetadata({ config, createdUs, restoring: true }),
    });
    isCreated = true;
    return store;
  };
  const restore = new StreamRestore(openStore);
  return {
    write: (chunk) => restore.write(chunk),
    finish: async () => {
      const store = await restore.finish();
      await store.updateMetadata(streamMetadata({ config, createdUs }));
      isCreated = false; // from now on it stays
      over();
      return target.open(store, relay, { config, createdUs });
    },
    abort: async () => {
      await restore.abort();
      over();
      if (!isCreated) return;
      isCreated = false;
      await storage.deleteStream(target.accountName, config.name);
    },
  };
}
