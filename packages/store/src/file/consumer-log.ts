import { join } from "node:path";
import { ConsumerProgress } from "../consumer-progress.js";
import type { ConsumerChange, ConsumerState } from "../consumer-store.js";
import type { FileSystem, WritableFile } from "../file-system.js";
import { ConsumerEntryWriter } from "./consumer-codec.js";
import type { CommittedLog, TakenGroup } from "./group-commit.js";
import { encodeLogHeader, LOG_HEADER_BYTES, LogKind } from "./log-header.js";
import { type RecordCodec, RecordKind, recordSizeBytes } from "./record-codec.js";
import { controlRecord } from "./segment-log.js";

const FILE_NAME = /^consumers-(\d{10})\.log$/;
/** The log is written anew when it is this many times larger than the state in it. */
const GROWTH_FACTOR = 4;

/** File name of one generation of the log, such as `consumers-0000000003.log`. */
export function consumerLogName(generation: number): string {
  return `consumers-${String(generation).padStart(10, "0")}.log`;
}

/** Reads the name of a consumer log; undefined when it is none. */
export function parseConsumerLogName(name: string): number | undefined {
  const match = FILE_NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** What a {@link ConsumerLog} works with. */
export interface ConsumerLogOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly codec: RecordCodec;
  /** The log is not written anew below this size. */
  readonly minRewriteBytes: number;
}

/** One consumer as the log knows it. */
export interface LoggedConsumer {
  readonly id: number;
  readonly name: string;
  readonly progress: ConsumerProgress;
}

/** What recovery found in the newest log file. */
export interface RecoveredConsumerLog {
  readonly generation: number;
  readonly end: number;
  readonly recordNumber: number;
  readonly consumers: readonly LoggedConsumer[];
}

/**
 * The state of all consumers of a stream as a log of changes: one file that begins with a snapshot and is
 * replaced by a new one when it has grown. Every record is written twice in a row, so that no single
 * damaged place costs a change.
 */
export class ConsumerLog implements CommittedLog {
  private readonly consumers = new Map<string, LoggedConsumer>();
  private readonly entries = new ConsumerEntryWriter();
  private file: WritableFile | undefined;
  private generation = 0;
  /** Older generations that may still have a file. */
  private stale: number[] = [];
  private end = 0;
  private recordNumber = 0;
  private nextId = 1;
  private snapshotBytes = 0;
  /** The next group is a whole new file. */
  private snapshotDue = true;

  constructor(private readonly options: ConsumerLogOptions) {}

  get stagedGroups(): number {
    return this.entries.sizeBytes > 0 ? 1 : 0;
  }

  /** Goes on with the file that recovery read. It is made durable before anything else. */
  async adopt(recovered: RecoveredConsumerLog): Promise<void> {
    const { generation, end, recordNumber, consumers } = recovered;
    this.generation = generation;
    this.recordNumber = recordNumber;
    for (const consumer of consumers) {
      this.consumers.set(consumer.name, consumer);
      this.nextId = Math.max(this.nextId, consumer.id + 1);
    }
    this.end = end;
    this.snapshotDue = false;
    this.file = await this.options.fileSystem.open(join(this.options.directory, consumerLogName(generation)));
    await this.file.truncate(end);
    await this.file.sync();
  }

  names(): readonly string[] {
    return [...this.consumers.keys()];
  }

  get(name: string): ConsumerProgress | undefined {
    return this.consumers.get(name)?.progress;
  }

  /** Adds a consumer without state; one of that name is forgotten. */
  create(name: string): ConsumerProgress {
    this.delete(name);
    const consumer = { id: this.nextId++, name, progress: new ConsumerProgress() };
    this.consumers.set(name, consumer);
    this.entries.write({ kind: "define", id: consumer.id, name });
    return consumer.progress;
  }

  delete(name: string): void {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return;
    this.consumers.delete(name);
    this.entries.write({ kind: "forget", id: consumer.id });
  }

  append(name: string, change: ConsumerChange): void {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return; // deleted; its last acks change nothing
    consumer.progress.apply(change);
    this.entries.write({ kind: "change", id: consumer.id, change });
  }

  replace(name: string, state: ConsumerState): void {
    const consumer = this.consumers.get(name);
    if (consumer === undefined) return; // as above
    consumer.progress.replace(state);
    this.entries.write({ kind: "state", id: consumer.id, state });
  }

  take(): TakenGroup | undefined {
    if (this.stagedGroups === 0) return undefined;
    const limit = Math.max(this.options.minRewriteBytes, this.snapshotBytes * GROWTH_FACTOR);
    if (this.snapshotDue || this.end > limit) {
      const snapshot = this.snapshot();
      return { write: () => this.beginFile(snapshot), committed: () => {} };
    }
    const bytes = this.record(this.entries.take());
    return { write: (sync) => this.appendBytes(bytes, sync), committed: () => {} };
  }

  async sync(): Promise<void> {
    await this.file?.sync();
  }

  async abandon(): Promise<void> {
    this.snapshotDue = true;
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  async resume(): Promise<void> {
    if (this.generation === 0 && this.consumers.size === 0) return;
    await this.beginFile(this.snapshot());
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    await file?.close();
  }

  private async appendBytes(bytes: Buffer, sync: boolean): Promise<void> {
    const start = this.end;
    this.end += bytes.length;
    await this.file?.write(start, [bytes]);
    if (sync) await this.file?.sync();
  }

  /** The state of every consumer as records. What is staged is in it. */
  private snapshot(): readonly Buffer[] {
    this.entries.take();
    this.snapshotDue = false;
    const records: Buffer[] = [];
    for (const { id, name, progress } of this.consumers.values()) {
      this.entries.write({ kind: "define", id, name });
      const state = progress.snapshot();
      if (state !== undefined) this.entries.write({ kind: "state", id, state });
      records.push(this.record(this.entries.take()));
    }
    return records;
  }

  /** One record, twice. */
  private record(data: Buffer): Buffer {
    const sizeBytes = recordSizeBytes(0, data.length);
    const bytes = Buffer.allocUnsafeSlow(sizeBytes * 2);
    const record = controlRecord(RecordKind.consumers, ++this.recordNumber, data);
    this.options.codec.encode(bytes, 0, record);
    bytes.copyWithin(sizeBytes, 0, sizeBytes);
    return bytes;
  }

  /** Writes a snapshot to a new file, gives it its name when it is durable, and removes the old one. */
  private async beginFile(records: readonly Buffer[]): Promise<void> {
    const { fileSystem, directory, codec } = this.options;
    this.stale.push(this.generation);
    const generation = ++this.generation;
    const path = join(directory, consumerLogName(generation));
    const header = encodeLogHeader({
      kind: LogKind.consumers,
      salt: codec.salt,
      number: generation,
      previousNumber: 0,
      previousEnd: 0,
      coversTo: generation,
      end: 0,
      baseSequence: 0,
    });
    const old = this.file;
    const file = await fileSystem.open(`${path}.new`);
    this.file = file;
    await old?.close();
    await file.truncate(0);
    await file.write(0, [header, ...records]);
    await file.sync();
    await fileSystem.rename(`${path}.new`, path);
    await fileSystem.syncDirectory(directory);
    this.snapshotBytes = records.reduce((sum, record) => sum + record.length, 0);
    this.end = LOG_HEADER_BYTES + this.snapshotBytes;
    for (const older of this.stale.splice(0))
      await fileSystem.remove(join(directory, consumerLogName(older)));
  }
}
