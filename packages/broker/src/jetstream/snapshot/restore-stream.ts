import { createGunzip, type Gunzip } from "node:zlib";
import type { StreamStore } from "@ganglion/store";
import { type ApiFault, apiFault } from "../api/api-fault.js";
import {
  BACKUP_FORMAT,
  type BackupConsumer,
  type BackupHeader,
  decodeConsumer,
  decodeMessage,
  FrameKind,
  FrameReader,
} from "./backup-format.js";

/** Opens the empty store that a backup is read into. */
export type OpenRestoredStore = (header: BackupHeader) => Promise<StreamStore>;

const GZIP_MAGIC = [0x1f, 0x8b];

/** Reads a backup into a store, piece by piece. Whoever made the store removes it when this fails. */
export class StreamRestore {
  private readonly gunzip: Gunzip = createGunzip();
  private readonly frames = new FrameReader();
  private readonly reading: Promise<void>;
  private failure: ApiFault | undefined;
  private header: BackupHeader | undefined;
  private store: StreamStore | undefined;
  private count = 0;
  private isWhole = false;
  private isFirst = true;

  constructor(private readonly openStore: OpenRestoredStore) {
    this.reading = this.read();
    this.reading.catch(() => {}); // whoever writes or finishes hears of it
  }

  /** Takes the next bytes in; resolves when there may be more. Rejects when they are no backup. */
  async write(bytes: Buffer): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    if (this.isFirst) this.checkMagic(bytes);
    this.isFirst = false;
    if (this.gunzip.write(bytes)) return;
    const drained = new Promise<void>((resolve) => this.gunzip.once("drain", resolve));
    await Promise.race([drained, this.reading]);
  }

  /** All bytes are there. @returns the store, complete and flushed. Rejects when something is missing. */
  async finish(): Promise<StreamStore> {
    this.gunzip.end();
    await this.reading;
    const { store, header } = this;
    if (store === undefined || header === undefined || !this.isWhole) throw this.fail("it ends too early");
    const { lastSequence } = store.messages.state();
    if (header.lastSequence > lastSequence) {
      // Messages at the end were deleted; their sequences are not used again.
      const empty = {
        subject: "deleted",
        timestampUs: header.lastTimestampUs,
        headerSizeBytes: 0,
        data: new Uint8Array(0),
      };
      store.messages.remove(store.messages.append({ ...empty, sequence: header.lastSequence }));
    }
    await store.messages.flush();
    return store;
  }

  /** Gives up. Resolves when nothing works on the store any more. */
  async abort(): Promise<void> {
    this.fail("it was given up");
    this.gunzip.destroy();
    await this.reading.catch(() => {}); // it fails: it was given up
  }

  private async read(): Promise<void> {
    try {
      for await (const bytes of this.gunzip) await this.take(bytes as Buffer);
    } catch (error) {
      throw this.failure ?? this.fail(error instanceof Error ? error.message : String(error));
    }
  }

  private async take(bytes: Buffer): Promise<void> {
    const frames = this.frames.push(bytes);
    if (frames === undefined) throw this.fail("its frames are damaged");
    for (const { kind, content } of frames) {
      if (this.failure !== undefined) throw this.failure;
      await this.frame(kind, content);
    }
    await this.store?.messages.flush();
  }

  private async frame(kind: number, content: Buffer): Promise<void> {
    if (kind === FrameKind.header) return this.begin(JSON.parse(content.toString()) as BackupHeader);
    const { store } = this;
    if (store === undefined) throw this.fail("it does not begin as a backup of this broker does");
    if (kind === FrameKind.message) this.message(store, content);
    else if (kind === FrameKind.consumer) await restoreConsumer(store, decodeConsumer(content));
    else if (kind === FrameKind.end) {
      const { messages } = JSON.parse(content.toString()) as { messages: number };
      this.isWhole = messages === this.count && this.frames.isEmpty;
    } else throw this.fail(`it has an unknown part of kind ${kind}`);
  }

  private async begin(header: BackupHeader): Promise<void> {
    if (header.format !== BACKUP_FORMAT.format || header.version !== BACKUP_FORMAT.version) {
      throw this.fail(
        `its format is ${header.format} ${header.version}, not ${BACKUP_FORMAT.format} ${BACKUP_FORMAT.version}`,
      );
    }
    this.header = header;
    this.store = await this.openStore(header);
  }

  private message({ messages }: StreamStore, content: Buffer): void {
    const message = decodeMessage(content);
    if (message === undefined) throw this.fail("a message is damaged");
    messages.append(message);
    this.count++;
  }

  private checkMagic(bytes: Buffer): void {
    if (GZIP_MAGIC.every((byte, index) => bytes[index] === byte)) return;
    throw this.fail("it is no backup of this broker; backups of nats-server cannot be restored here");
  }

  private fail(reason: string): ApiFault {
    this.failure ??= apiFault("StreamRestore", { err: `the backup cannot be read: ${reason}` });
    return this.failure;
  }
}

async function restoreConsumer(store: StreamStore, { name, metadata, state }: BackupConsumer): Promise<void> {
  const consumer = await store.createConsumer(name, metadata);
  if (state !== undefined) consumer.replace(state);
}
