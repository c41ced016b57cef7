import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { type Clock, type Logger, silentLogger, systemClock } from "@ganglion/kernel";
import { storeError } from "../errors.js";
import type { FileSystem } from "../file-system.js";
import type {
  NewStreamOptions,
  RecoveryProblem,
  Storage,
  StoredStream,
  StreamStore,
  StreamStoreOptions,
  SyncPolicy,
} from "../storage.js";
import { ChunkCache } from "./chunk-cache.js";
import { parseConsumerLogName } from "./consumer-log.js";
import { directoryName } from "./directory-names.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { CONSUMERS_DIRECTORY, type FileStreamStore } from "./file-stream-store.js";
import { LOG_HEADER_BYTES } from "./log-header.js";
import { Manifest } from "./manifest.js";
import { NodeFileSystem } from "./node-file-system.js";
import { type Checksum, saltedCrc32 } from "./record-codec.js";
import { Scrubber } from "./scrubber.js";
import { parseSegmentFileName } from "./segment.js";
import { openStreamStore, type StreamEnvironment } from "./stream-opening.js";

/** What {@link openFileStorage} takes. */
export interface FileStorageOptions {
  /** Where everything is kept; created when it does not exist. */
  readonly directory: string;
  /** When a write counts as durable. @default always */
  readonly syncPolicy?: SyncPolicy;
  /** @default the file system of this machine */
  readonly fileSystem?: FileSystem;
  /** @default the clock of this process */
  readonly clock?: Clock;
  /** @default a silent one */
  readonly logger?: Logger;
  /** A segment file is closed when the next record would make it larger, in bytes. @default 8 MiB */
  readonly segmentSizeBytes?: number;
  /** Memory for content of log files, of all streams together, in bytes. @default 32 MiB */
  readonly cacheSizeBytes?: number;
  /** Bytes of one stream that may wait for the disk before appends are refused. @default 128 MiB */
  readonly maxStagedBytes?: number;
  /** The log of a stream's consumers is written anew above this size, in bytes. @default 8 MiB */
  readonly consumerLogBytes?: number;
  /** Time between two checks of everything on the disk, and before the first; 0: none. @default 6 hours */
  readonly scrubIntervalMs?: number;
  /** How fast it is checked, in bytes per second. @default 16 MiB */
  readonly scrubBytesPerSecond?: number;
  /** Whether files are rewritten in the background, and footers written. @default true */
  readonly maintenance?: boolean;
  /** Only for tests that prove the checksum is needed. */
  readonly checksum?: Checksum;
}

const MIB = 1024 * 1024;
const DEFAULTS = {
  syncPolicy: { kind: "always" },
  segmentSizeBytes: 8 * MIB,
  cacheSizeBytes: 32 * MIB,
  maxStagedBytes: 128 * MIB,
  consumerLogBytes: 8 * MIB,
  scrubIntervalMs: 6 * 60 * 60 * 1000,
  scrubBytesPerSecond: 16 * MIB,
} as const;

/** Problems kept for those who ask; the log has all of them. */
const MAX_PROBLEMS = 1_000;
/** Directory of all streams below the store's. */
export const STREAMS_DIRECTORY = "streams";
const MANIFEST_NAME = "stream";
/** Begins the name of what is being removed. */
const DELETED_PREFIX = ".deleted-";

/**
 * Opens a storage in a directory and finds the streams in it. Layout: docs/reference/store-format.md.
 *
 * @throws GanglionError `STORE_LOCKED` when another process uses the directory.
 */
export async function openFileStorage(options: FileStorageOptions): Promise<FileStorage> {
  const { directory, fileSystem = new NodeFileSystem() } = options;
  await makeDurableDirectory(fileSystem, resolve(directory, STREAMS_DIRECTORY));
  const unlock = await fileSystem.lock(directory);
  const storage = new FileStorage({ ...options, fileSystem }, unlock);
  try {
    await storage.discover();
  } catch (error) {
    storage.stopChecking();
    await unlock();
    throw error;
  }
  return storage;
}

interface KnownStream extends StoredStream {
  readonly directory: string;
  readonly manifest: Manifest;
}

/** A {@link Storage} in a directory. */
export class FileStorage implements Storage {
  readonly kind = "file";
  private readonly environment: StreamEnvironment;
  private readonly root: string;
  /** Streams that are not open. */
  private readonly known = new Map<string, KnownStream>();
  /** Open streams; undefined while one is being created, opened or deleted. */
  private readonly open = new Map<string, FileStreamStore | undefined>();
  /** Directories with data whose metadata is damaged. */
  private readonly orphans = new Set<string>();
  private readonly found: RecoveryProblem[] = [];
  private readonly scrubber: Scrubber;
  private closing: Promise<void> | undefined;

  constructor(
    options: FileStorageOptions & { readonly fileSystem: FileSystem },
    private readonly unlock: () => Promise<void>,
  ) {
    const { fileSystem, clock = systemClock, logger = silentLogger, checksum = saltedCrc32 } = options;
    this.root = resolve(options.directory, STREAMS_DIRECTORY);
    this.environment = {
      fileSystem,
      clock,
      logger,
      checksum,
      cache: new ChunkCache(options.cacheSizeBytes ?? DEFAULTS.cacheSizeBytes),
      policy: options.syncPolicy ?? DEFAULTS.syncPolicy,
      segmentSizeBytes: options.segmentSizeBytes ?? DEFAULTS.segmentSizeBytes,
      consumerLogBytes: options.consumerLogBytes ?? DEFAULTS.consumerLogBytes,
      maxStagedBytes: options.maxStagedBytes ?? DEFAULTS.maxStagedBytes,
      maintenance: options.maintenance ?? true,
      report: (problem) => {
        logger.error("The store is damaged", { ...problem });
        if (this.found.length < MAX_PROBLEMS) this.found.push(problem);
      },
    };
    this.scrubber = new Scrubber({
      ...{ clock, logger },
      intervalMs: options.scrubIntervalMs ?? DEFAULTS.scrubIntervalMs,
      bytesPerSecond: options.scrubBytesPerSecond ?? DEFAULTS.scrubBytesPerSecond,
      streams: () => [...this.open.values()].filter((stream) => stream !== undefined),
    });
  }

  streams(): readonly StoredStream[] {
    return [...this.known.values()].map(({ account, name, metadata }) => ({ account, name, metadata }));
  }

  problems(): readonly RecoveryProblem[] {
    return this.found;
  }

  /** Ends the checks in the background. */
  stopChecking(): void {
    this.scrubber.close();
  }

  /** Looks for streams in the directory, and finishes deletions that were interrupted. */
  async discover(): Promise<void> {
    const { fileSystem } = this.environment;
    for (const account of await fileSystem.list(this.root)) {
      const directory = join(this.root, account);
      for (const name of await fileSystem.list(directory)) {
        if (name.startsWith(DELETED_PREFIX)) await fileSystem.remove(join(directory, name));
        else await this.discoverStream(join(directory, name));
      }
    }
  }

  async createStream(account: string, name: string, options: NewStreamOptions): Promise<StreamStore> {
    const { fileSystem } = this.environment;
    const key = streamKey(account, name);
    const directory = this.directoryOf(account, name);
    this.assertOpen(`create stream "${name}"`);
    if (this.known.has(key) || this.open.has(key)) throw this.exists(account, name, "it exists already");
    if (this.orphans.has(directory))
      throw this.exists(account, name, `${directory} holds data of a damaged stream`);
    const manifest = new Manifest(fileSystem, directory, MANIFEST_NAME);
    return this.whileBusy(key, async () => {
      await fileSystem.remove(directory); // what a creation that failed left behind
      await makeDurableDirectory(fileSystem, join(directory, CONSUMERS_DIRECTORY));
      const { metadata } = options;
      const onClose = () =>
        this.closed(key, { account, name, metadata: stream.metadata, directory, manifest });
      const place = { account, name, directory, metadata, manifest, onClose };
      const stream = await openStreamStore(this.environment, place, options);
      // Last, so that a directory with metadata always holds a complete stream.
      await manifest.save({ account, name, metadata });
      return stream;
    });
  }

  async openStream(account: string, name: string, options: StreamStoreOptions): Promise<FileStreamStore> {
    this.assertOpen(`open stream "${name}"`);
    const key = streamKey(account, name);
    if (this.open.has(key)) {
      throw storeError("STREAM_OPEN", `Stream "${name}" of account "${account}" is open already`);
    }
    const known = this.known.get(key);
    if (known === undefined) {
      throw storeError("STREAM_NOT_FOUND", `No stream "${name}" of account "${account}" is stored`);
    }
    return this.whileBusy(key, async () => {
      const onClose = () => this.closed(key, { ...known, metadata: stream.metadata });
      const stream = await openStreamStore(this.environment, { ...known, onClose }, options);
      this.known.delete(key);
      return stream;
    });
  }

  async deleteStream(account: string, name: string): Promise<void> {
    this.assertOpen(`delete stream "${name}"`);
    const key = streamKey(account, name);
    await this.open.get(key)?.close();
    if (!this.known.delete(key)) return;
    const { fileSystem } = this.environment;
    const directory = this.directoryOf(account, name);
    const doomed = join(this.root, directoryName(account), `${DELETED_PREFIX}${randomUUID()}`);
    await fileSystem.rename(directory, doomed);
    await fileSystem.syncDirectory(join(this.root, directoryName(account)));
    await fileSystem.remove(doomed);
  }

  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    this.stopChecking();
    await Promise.all([...this.open.values()].map((stream) => stream?.close()));
    await this.unlock();
  }

  private async discoverStream(directory: string): Promise<void> {
    const { fileSystem, report } = this.environment;
    const manifest = new Manifest(fileSystem, directory, MANIFEST_NAME);
    const { metadata: content, damagedPaths, complete } = manifest.load();
    for (const where of damagedPaths)
      report({ where, problem: "this copy of a stream's metadata is damaged" });
    if (content === undefined) {
      if (damagedPaths.length === 0 && !(await this.holdsData(directory))) {
        await fileSystem.remove(directory); // its creation was interrupted
        return;
      }
      this.orphans.add(directory);
      report({
        where: directory,
        problem: "a stream cannot be opened: its metadata is damaged. Its data is left as it is",
      });
      return;
    }
    if (!complete) await manifest.save(content);
    const { account, name, metadata } = content as unknown as StoredStream;
    this.known.set(streamKey(account, name), { account, name, metadata, directory, manifest });
  }

  private async holdsData(directory: string): Promise<boolean> {
    const { fileSystem } = this.environment;
    for (const name of await fileSystem.list(directory)) {
      if (parseConsumerLogName(name) !== undefined) return true;
      if (parseSegmentFileName(name) === undefined) continue;
      if (fileSystem.sizeOf(join(directory, name)) > LOG_HEADER_BYTES) return true;
    }
    return false;
  }

  /** Keeps the name taken while a stream is created or opened. */
  private async whileBusy(key: string, work: () => Promise<FileStreamStore>): Promise<FileStreamStore> {
    this.open.set(key, undefined);
    try {
      const stream = await work();
      this.open.set(key, stream);
      return stream;
    } catch (error) {
      this.open.delete(key);
      throw error;
    }
  }

  private closed(key: string, stream: KnownStream): void {
    this.open.delete(key);
    this.known.set(key, stream);
  }

  private directoryOf(account: string, name: string): string {
    return join(this.root, directoryName(account), directoryName(name));
  }

  private exists(account: string, name: string, why: string): Error {
    return storeError("STREAM_EXISTS", `Cannot create stream "${name}" of account "${account}": ${why}`, {
      details: { account, stream: name },
    });
  }

  private assertOpen(action: string): void {
    if (this.closing !== undefined)
      throw storeError("STORE_CLOSED", `Cannot ${action}: the storage is closed`);
  }
}

function streamKey(account: string, name: string): string {
  return JSON.stringify([account, name]);
}
