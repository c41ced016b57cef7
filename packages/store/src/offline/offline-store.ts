import { join, resolve } from "node:path";
import { storeError } from "../errors.js";
import { openFileStorage, STREAMS_DIRECTORY } from "../file/file-storage.js";
import { NodeFileSystem } from "../file/node-file-system.js";
import type { FileSystem } from "../file-system.js";
import type { LostRange, StoredMessage, StoreLimits } from "../message-store.js";
import type { RecoveryProblem, StoredConsumer, StoredMetadata } from "../storage.js";
import { OverlayFileSystem } from "./overlay-file-system.js";

/** Which store to look at. No broker may be using it. */
export interface OfflineStoreOptions {
  readonly directory: string;
  /** @default the file system of this machine */
  readonly fileSystem?: FileSystem;
}

/** What was found in one stream. */
export interface StreamReport {
  readonly account: string;
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly consumers: number;
  readonly lost: readonly LostRange[];
  /** Files with damage that could not be written anew. */
  readonly damagedFiles: number;
}

/** What was found in a store. */
export interface StoreReport {
  readonly directory: string;
  readonly streams: readonly StreamReport[];
  readonly problems: readonly RecoveryProblem[];
}

/** One line of a dump: a stream, or a message of the stream before. */
export type DumpedItem =
  | {
      readonly kind: "stream";
      readonly account: string;
      readonly name: string;
      readonly metadata: StoredMetadata;
      readonly consumers: readonly StoredConsumer[];
    }
  | { readonly kind: "message"; readonly message: StoredMessage };

const UNLIMITED: StoreLimits = { maxMessages: 0, maxBytes: 0, maxAgeUs: 0, maxMessagesPerSubject: 0 };
const LISTENER = { durable: () => {}, failed: () => {}, removed: () => {} };

/**
 * Reads and verifies everything in a store, and changes nothing.
 *
 * @throws GanglionError `STORE_NOT_FOUND`, `STORE_LOCKED`, `STORE_FORMAT`.
 */
export function checkStore(options: OfflineStoreOptions): Promise<StoreReport> {
  const { fileSystem = new NodeFileSystem() } = options;
  return examine(options.directory, new OverlayFileSystem(fileSystem), false);
}

/**
 * Reads and verifies everything in a store, and mends it: writes damaged segments anew (a copy of each is kept),
 * cuts off unfinished writes, completes copies of metadata. Limits of streams are not applied.
 *
 * @throws GanglionError `STORE_NOT_FOUND`, `STORE_LOCKED`, `STORE_FORMAT`.
 */
export async function repairStore(options: OfflineStoreOptions): Promise<StoreReport> {
  const { directory, fileSystem = new NodeFileSystem() } = options;
  const first = await examine(directory, fileSystem, true);
  if (first.streams.every(({ damagedFiles }) => damagedFiles === 0)) return first;
  // The newest file of a stream is written anew when it is known to be damaged from the start.
  const second = await examine(directory, fileSystem, true);
  return { ...second, problems: [...first.problems, ...second.problems] };
}

/**
 * Reads out every stream with its messages, oldest first; messages that cannot be read are passed over. Changes
 * nothing.
 *
 * @throws GanglionError `STORE_NOT_FOUND`, `STORE_LOCKED`, `STORE_FORMAT`.
 */
export async function* dumpStore(options: OfflineStoreOptions): AsyncGenerator<DumpedItem> {
  const { directory, fileSystem = new NodeFileSystem() } = options;
  const storage = await open(directory, new OverlayFileSystem(fileSystem), false);
  try {
    for (const { account, name, metadata } of storage.streams()) {
      const stream = await storage.openStream(account, name, { limits: UNLIMITED, listener: LISTENER });
      yield { kind: "stream", account, name, metadata, consumers: stream.consumers() };
      const { messages } = stream;
      for (let next = messages.next(1); next !== undefined; next = messages.next(next.sequence + 1)) {
        yield { kind: "message", message: next };
      }
      await stream.close();
    }
  } finally {
    await storage.close();
  }
}

async function open(directory: string, fileSystem: FileSystem, maintenance: boolean) {
  if (!(await fileSystem.list(resolve(directory))).includes(STREAMS_DIRECTORY)) {
    const missing = join(directory, STREAMS_DIRECTORY);
    throw storeError("STORE_NOT_FOUND", `${directory} holds no store: there is no ${missing}`);
  }
  return openFileStorage({ directory, fileSystem, maintenance, scrubIntervalMs: 0 });
}

async function examine(
  directory: string,
  fileSystem: FileSystem,
  maintenance: boolean,
): Promise<StoreReport> {
  const storage = await open(directory, fileSystem, maintenance);
  const streams: StreamReport[] = [];
  try {
    for (const { account, name } of storage.streams()) {
      const stream = await storage.openStream(account, name, { limits: UNLIMITED, listener: LISTENER });
      for (const _ of stream.check()) await new Promise((done) => setImmediate(done));
      await stream.settle();
      const { messages, bytes, firstSequence, lastSequence, lost } = stream.messages.state();
      const { damagedFiles } = stream.messages.health();
      const consumers = stream.consumers().length;
      streams.push({
        account,
        name,
        messages,
        bytes,
        firstSequence,
        lastSequence,
        consumers,
        lost,
        damagedFiles,
      });
      await stream.close();
    }
    return { directory, streams, problems: storage.problems() };
  } finally {
    await storage.close();
  }
}
