import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { Clock, Logger } from "@ganglion/kernel";
import type { FileSystem } from "../file-system.js";
import { MessageIndex } from "../indexing/message-index.js";
import type { RecoveryProblem, StoredMetadata, StreamStoreOptions, SyncPolicy } from "../storage.js";
import type { ChunkCache } from "./chunk-cache.js";
import { Compaction } from "./compaction.js";
import { ConsumerLog } from "./consumer-log.js";
import { recoverConsumers } from "./consumer-recovery.js";
import { FileMessageStore } from "./file-message-store.js";
import { CONSUMERS_DIRECTORY, FileStreamStore } from "./file-stream-store.js";
import { FooterFiles } from "./footer-files.js";
import { GroupCommit } from "./group-commit.js";
import { LOST_NAME, LostLedger } from "./lost-ledger.js";
import { Manifest, parseManifestName } from "./manifest.js";
import { recoverMessages } from "./message-recovery.js";
import { type Checksum, RecordCodec } from "./record-codec.js";
import type { Segment } from "./segment.js";
import { findSalt, findSegmentFiles } from "./segment-files.js";
import { SegmentLog } from "./segment-log.js";

/** What all streams of a storage share. */
export interface StreamEnvironment {
  readonly fileSystem: FileSystem;
  readonly cache: ChunkCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly policy: SyncPolicy;
  readonly segmentSizeBytes: number;
  readonly consumerLogBytes: number;
  readonly maxStagedBytes: number;
  readonly checksum: Checksum;
  /** Whether files are rewritten in the background, and footers written. */
  readonly maintenance: boolean;
  /** Takes note of what recovery met. */
  report(problem: RecoveryProblem): void;
}

/** Which stream to open. */
export interface StreamPlace {
  readonly account: string;
  readonly name: string;
  readonly directory: string;
  readonly metadata: StoredMetadata;
  readonly manifest: Manifest;
  readonly onClose: () => void;
}

/** A log and an index, filled. */
interface RecoveredLog {
  readonly log: SegmentLog;
  readonly index: MessageIndex;
  readonly lost: LostLedger;
  readonly footers: FooterFiles;
  /** Segments that should get a footer. */
  readonly withoutFooter: readonly Segment[];
}

/** Opens a stream in its directory: recovers what is there, or begins with nothing. */
export async function openStreamStore(
  environment: StreamEnvironment,
  place: StreamPlace,
  options: StreamStoreOptions,
): Promise<FileStreamStore> {
  const { fileSystem, clock, policy, maxStagedBytes } = environment;
  const { directory, account, name } = place;
  const logger = environment.logger.child({ account, stream: name });
  await removeLeftovers(fileSystem, directory);
  const recovered = await recoverLog({ ...environment, logger }, directory, options.initialSequence ?? 1);
  const { log, index, lost, footers } = recovered;
  const consumerLog = await recoverConsumerLog(environment, recovered, directory);
  await log.openNewest(index.lastSequence + 1);
  await log.sync(); // what was only written so far is durable from now on
  index.markDurable(index.lastSequence);
  const { limits, listener, compression = false } = options;
  const messages = new FileMessageStore({
    ...{ log, index, lost, limits, listener, compression, clock, logger, maxStagedBytes },
    report: environment.report,
  });
  const { journal } = messages;
  const commit = new GroupCommit({ logs: [journal, consumerLog], policy, clock, logger });
  const compaction = new Compaction({
    enabled: environment.maintenance,
    ...{ log, index, journal, lost, logger },
    flush: () => messages.flush(),
    verifyMessages: (segment) => messages.verifyMessages(segment),
  });
  footers.flush = () => messages.flush();
  log.onSealed = (segment) => {
    footers.write(segment);
    if (segment.damaged) compaction.consider();
  };
  const { manifest, onClose } = place;
  const identity = { account, name };
  const stream = new FileStreamStore(
    {
      ...{
        fileSystem,
        directory,
        messages,
        log,
        consumerLog,
        commit,
        compaction,
        footers,
        lost,
        manifest,
        identity,
      },
      onClose,
    },
    place.metadata,
  );
  await adoptConsumers(environment, { stream, consumerLog, directory: join(directory, CONSUMERS_DIRECTORY) });
  messages.start(commit, compaction);
  for (const segment of recovered.withoutFooter) footers.write(segment);
  commit.request();
  return stream;
}

async function recoverLog(
  environment: StreamEnvironment,
  directory: string,
  initialSequence: number,
): Promise<RecoveredLog> {
  const { fileSystem, cache, segmentSizeBytes, checksum, logger } = environment;
  const { files, superseded } = await findSegmentFiles(fileSystem, directory);
  for (const path of superseded) await fileSystem.remove(path);
  const codec = new RecordCodec(findSalt(fileSystem, files) ?? newSalt(), checksum);
  const log = new SegmentLog({ fileSystem, directory, cache, codec, segmentSizeBytes });
  const index = new MessageIndex(initialSequence);
  const footers = new FooterFiles(log, index, { logger, writes: environment.maintenance });
  log.onStale = (segment) => footers.drop(segment);
  const recovery = await recoverMessages(files, { log, index, footers });
  await footers.sweep(await fileSystem.list(directory));
  recovery.problems.forEach(environment.report);
  if (recovery.torn !== undefined) {
    const file = await fileSystem.open(recovery.torn.path);
    await file.truncate(recovery.torn.end);
    await file.sync();
    await file.close();
  }
  const manifest = new Manifest(fileSystem, directory, LOST_NAME);
  const lost = new LostLedger({ manifest, index, logger, found: recovery.lost });
  return { log, index, lost, footers, withoutFooter: recovery.withoutFooter };
}

function newSalt(): number {
  return randomInt(0x0101_0101, 0xffff_ffff);
}

async function recoverConsumerLog(
  environment: StreamEnvironment,
  { log, index }: RecoveredLog,
  directory: string,
): Promise<ConsumerLog> {
  const { fileSystem, consumerLogBytes, report } = environment;
  const { codec } = log.options;
  const { log: found, problems, superseded } = await recoverConsumers(fileSystem, directory, codec);
  problems.forEach(report);
  const consumerLog = new ConsumerLog({ fileSystem, directory, codec, minRewriteBytes: consumerLogBytes });
  if (found === undefined) return consumerLog;
  await consumerLog.adopt(found);
  for (const path of superseded) await fileSystem.remove(path);
  // Under a weak sync policy a consumer may have got further than what is left of the stream.
  for (const { progress } of found.consumers) index.skipTo(progress.deliveredSequence);
  return consumerLog;
}

/** Matches the consumers that have metadata with their state. */
async function adoptConsumers(
  { fileSystem, report }: StreamEnvironment,
  {
    stream,
    consumerLog,
    directory,
  }: { stream: FileStreamStore; consumerLog: ConsumerLog; directory: string },
): Promise<void> {
  await removeLeftovers(fileSystem, directory);
  const bases = new Set(
    (await fileSystem.list(directory)).map(parseManifestName).filter((base) => base !== undefined),
  );
  let damaged = false;
  for (const base of bases) {
    const manifest = new Manifest(fileSystem, directory, base);
    const { metadata: content, damagedPaths, complete } = manifest.load();
    for (const where of damagedPaths)
      report({ where, problem: "this copy of a consumer's metadata is damaged" });
    if (content === undefined) {
      damaged = true;
      report({
        where: join(directory, base),
        problem: "a consumer cannot be opened: its metadata is damaged",
      });
      continue;
    }
    const { name, metadata } = content as { readonly name: string; readonly metadata: StoredMetadata };
    if (!complete) await manifest.save(content);
    stream.adopt(name, metadata, manifest);
  }
  const known = new Set(stream.consumers().map(({ name }) => name));
  // State without metadata belongs to a deleted consumer, unless it is the metadata that cannot be read.
  if (!damaged) for (const name of consumerLog.names()) if (!known.has(name)) consumerLog.delete(name);
}

/** Removes files that were being written and never got their name. */
async function removeLeftovers(fileSystem: FileSystem, directory: string): Promise<void> {
  for (const name of await fileSystem.list(directory)) {
    if (name.endsWith(".new")) await fileSystem.remove(join(directory, name));
  }
}
