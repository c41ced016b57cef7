import { join } from "node:path";
import type { ConsumerStore } from "../consumer-store.js";
import { storeError } from "../errors.js";
import type { FileSystem } from "../file-system.js";
import type { MessageStore } from "../message-store.js";
import type { StoredConsumer, StoredMetadata, StreamStore } from "../storage.js";
import type { Compaction } from "./compaction.js";
import type { ConsumerLog } from "./consumer-log.js";
import { directoryName } from "./directory-names.js";
import { FileConsumerStore } from "./file-consumer-store.js";
import type { FileMessageStore } from "./file-message-store.js";
import type { FooterFiles } from "./footer-files.js";
import type { GroupCommit } from "./group-commit.js";
import type { LostLedger } from "./lost-ledger.js";
import { Manifest } from "./manifest.js";
import type { SegmentLog } from "./segment-log.js";

/** A consumer whose metadata is on the disk. */
export interface KeptConsumer {
  metadata: StoredMetadata;
  readonly manifest: Manifest;
  readonly store: FileConsumerStore;
}

/** The parts of an open stream. */
export interface FileStreamParts {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly messages: FileMessageStore;
  readonly log: SegmentLog;
  readonly consumerLog: ConsumerLog;
  readonly commit: GroupCommit;
  readonly compaction: Compaction;
  readonly footers: FooterFiles;
  readonly lost: LostLedger;
  readonly manifest: Manifest;
  /** Account and name, which stand beside the broker's metadata in the manifest. */
  readonly identity: { readonly account: string; readonly name: string };
  readonly onClose: () => void;
}

/** Stands for the stream itself where consumers have their name; no consumer is named so. */
const STREAM = "";

/** Directory of the consumers' metadata below the stream's. */
export const CONSUMERS_DIRECTORY = "consumers";

/** An open stream in a directory of its own. */
export class FileStreamStore implements StreamStore {
  private readonly kept = new Map<string, KeptConsumer>();
  /** Changes of a consumer's metadata that are in progress, by its name. */
  private readonly working = new Map<string, Promise<void>>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly parts: FileStreamParts,
    private currentMetadata: StoredMetadata,
  ) {}

  get messages(): MessageStore {
    return this.parts.messages;
  }

  get metadata(): StoredMetadata {
    return this.currentMetadata;
  }

  /** Reads and verifies what is on the disk, piece by piece. @returns the size of each piece, in bytes. */
  check(): Generator<number> {
    return this.parts.messages.check();
  }

  /** Resolves when everything is durable and no file is to be rewritten. */
  async settle(): Promise<void> {
    await this.parts.messages.flush();
    await this.parts.compaction.settle();
  }

  /** Adds a consumer that recovery found. */
  adopt(name: string, metadata: StoredMetadata, manifest: Manifest): void {
    if (this.parts.consumerLog.get(name) === undefined) this.parts.consumerLog.create(name);
    this.kept.set(name, { metadata, manifest, store: this.consumerStore(name) });
  }

  async updateMetadata(metadata: StoredMetadata): Promise<void> {
    this.assertOpen();
    await this.parts.messages.flush(); // what the old limits removed must not come back under new ones
    const { manifest, identity } = this.parts;
    await this.inTurn(STREAM, () => manifest.save({ ...identity, metadata }));
    this.currentMetadata = metadata;
  }

  consumers(): readonly StoredConsumer[] {
    return [...this.kept].map(([name, { metadata }]) => ({ name, metadata }));
  }

  async createConsumer(name: string, metadata: StoredMetadata): Promise<ConsumerStore> {
    this.assertOpen();
    const known = this.kept.get(name);
    if (known !== undefined) {
      await this.updateConsumerMetadata(name, metadata);
      return known.store;
    }
    const { fileSystem, directory, consumerLog } = this.parts;
    const manifest = new Manifest(fileSystem, join(directory, CONSUMERS_DIRECTORY), directoryName(name));
    const store = this.consumerStore(name);
    this.kept.set(name, { metadata, manifest, store });
    consumerLog.create(name);
    store.changed();
    const logged = new Promise<void>((resolve) => store.whenDurable(resolve));
    try {
      await Promise.all([this.inTurn(name, () => manifest.save({ name, metadata })), logged]);
    } catch (error) {
      await this.deleteConsumer(name).catch(() => {}); // a half-made consumer is no consumer
      throw error;
    }
    return store;
  }

  openConsumer(name: string): ConsumerStore {
    return this.consumer(name).store;
  }

  async updateConsumerMetadata(name: string, metadata: StoredMetadata): Promise<void> {
    this.assertOpen();
    const consumer = this.consumer(name);
    await this.inTurn(name, () => consumer.manifest.save({ name, metadata }));
    consumer.metadata = metadata;
  }

  async deleteConsumer(name: string): Promise<void> {
    this.assertOpen();
    const consumer = this.kept.get(name);
    if (consumer === undefined) return;
    this.kept.delete(name);
    this.parts.consumerLog.delete(name);
    this.parts.commit.request();
    await this.inTurn(name, () => consumer.manifest.remove());
  }

  close(): Promise<void> {
    this.closing ??= this.closeParts();
    return this.closing;
  }

  private async closeParts(): Promise<void> {
    const { messages, commit, compaction, footers, lost, log, consumerLog, onClose } = this.parts;
    await messages.flush().catch(() => {}); // the listener was told
    messages.stop();
    await Promise.all(this.working.values());
    await compaction.close();
    await footers.close();
    const isWritable = commit.failure === undefined;
    await commit.close();
    if (isWritable && log.newest !== undefined) await footers.writeLast(log.newest);
    await lost.flush();
    await log.close();
    await consumerLog.close();
    onClose();
  }

  /** Carries out one change of a consumer's files after the other, also over deletion and creation. */
  private async inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const before = this.working.get(name) ?? Promise.resolve();
    const done = before.then(work);
    const settled = done.catch(() => {}); // told to the caller of this change, not of the next one
    this.working.set(name, settled);
    await settled;
    if (this.working.get(name) === settled) this.working.delete(name);
    await done;
  }

  private consumer(name: string): KeptConsumer {
    const consumer = this.kept.get(name);
    if (consumer === undefined) {
      throw storeError("CONSUMER_NOT_FOUND", `No consumer "${name}" is stored`, {
        details: { consumer: name },
      });
    }
    return consumer;
  }

  private consumerStore(name: string): FileConsumerStore {
    return new FileConsumerStore(name, this.parts.consumerLog, this.parts.commit);
  }

  private assertOpen(): void {
    if (this.closing !== undefined) throw storeError("STORE_CLOSED", "The store of this stream is closed");
  }
}
