import { join } from "node:path";
import type { FileSystem } from "../file-system.js";
import { type ChunkCache, LogChunk } from "./chunk-cache.js";
import { LOG_HEADER_BYTES } from "./log-header.js";
import { RECORD_HEADER_BYTES } from "./record-codec.js";

/** Unit in which sealed content is read and cached. */
const BLOCK_BYTES = 64 * 1024;
const SMALLEST_CHUNK_BYTES = 4 * 1024;
const LARGEST_CHUNK_BYTES = 128 * 1024;
/** A record takes at most this much more than limits count for its message; see {@link accountedSizeBytes}. */
export const RECORD_SURPLUS_BYTES = RECORD_HEADER_BYTES - 22;
const FILE_NAME = /^(\d{10})(?:-(\d{1,6}))?\.seg$/;

/** What the name of a segment file says. */
export interface SegmentFileName {
  readonly name: string;
  readonly number: number;
  /** How often the segment was rewritten. */
  readonly revision: number;
}

/** Reads the name of a segment file; undefined when it is none. */
export function parseSegmentFileName(name: string): SegmentFileName | undefined {
  const match = FILE_NAME.exec(name);
  return match === null ? undefined : { name, number: Number(match[1]), revision: Number(match[2] ?? 0) };
}

/** File name of a segment, such as `0000000007.seg`, or `0000000007-2.seg` when it was rewritten twice. */
export function segmentFileName(number: number, revision: number): string {
  const suffix = revision === 0 ? "" : `-${revision}`;
  return `${String(number).padStart(10, "0")}${suffix}.seg`;
}

/** What segments share. */
export interface SegmentContext {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly cache: ChunkCache;
}

/** One file of a message log, as far as it is in memory: sizes, counts and cached pieces. */
export class Segment {
  revision = 0;
  /** Highest number this file stands for; higher than `number` after segments were merged into it. */
  coversTo: number;
  /** Of the header: the segment written before this one, and where its content ended. */
  previousNumber = 0;
  previousEnd = 0;
  /** Where the content in the file ends. */
  committedEnd = LOG_HEADER_BYTES;
  /** Where the next staged record goes. */
  stagedEnd = LOG_HEADER_BYTES;
  sealed = false;
  /** Whether the file exists with a durable header. */
  created = false;
  /** The file goes on behind `committedEnd` with what a failed write left; the next segment's header tells where. */
  hasTrail = false;
  /** Messages in it that are not removed, and their bytes. */
  liveCount = 0;
  liveBytes = 0;
  /** Bytes of removal records that had to be kept when the segment was rewritten. */
  keptBytes = 0;
  /** The lowest message that a record in this segment removes one by one. */
  lowestRemoved = Number.POSITIVE_INFINITY;
  /** All messages below are gone, as far as records in this segment tell. */
  floor = 0;
  /** What records in this segment remove one by one, encoded; see `encodeRuns`. Kept for its footer. */
  runs: Buffer[] = [];
  /** Some of its bytes are no record. Such a file is neither rewritten nor removed. */
  damaged = false;
  /** Pieces that were written by this process; ascending, and no record crosses two of them. */
  private readonly written: LogChunk[] = [];
  /** Pieces that were read, by their number. */
  private readonly blocks = new Map<number, LogChunk>();

  constructor(
    readonly number: number,
    readonly baseSequence: number,
    private readonly context: SegmentContext,
  ) {
    this.coversTo = number;
  }

  get path(): string {
    return join(this.context.directory, segmentFileName(this.number, this.revision));
  }

  /** Where the segment's footer is kept. */
  get footerPath(): string {
    return this.path.replace(/\.seg$/, ".foot");
  }

  /** Takes note of a record in this segment that removes messages. */
  noteRemovals(floor: number, runs: Buffer, lowest: number): void {
    this.floor = Math.max(this.floor, floor);
    this.lowestRemoved = Math.min(this.lowestRemoved, lowest);
    if (runs.length > 0) this.runs.push(runs);
  }

  /** Makes room for a record at `stagedEnd` in memory. @returns the chunk; the record begins at its `fill`. */
  reserve(sizeBytes: number): LogChunk {
    const current = this.written.at(-1);
    if (current !== undefined && current.fill + sizeBytes <= current.bytes.length) return current;
    const usualBytes = Math.min(LARGEST_CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, this.stagedEnd));
    const bytes = Buffer.allocUnsafeSlow(Math.max(sizeBytes, usualBytes));
    const chunk = new LogChunk(this.stagedEnd, bytes, (evicted) => this.evictWritten(evicted));
    this.written.push(chunk);
    return chunk;
  }

  /** Everything up to `end` is in the file: full chunks before it may leave memory. */
  commitTo(end: number): void {
    const before = this.committedEnd;
    this.committedEnd = end;
    for (let index = this.written.length - 1; index >= 0; index--) {
      const chunk = this.written[index];
      if (chunk === undefined || chunk.end < before) break;
      if (this.isEvictable(chunk)) this.context.cache.use(chunk);
    }
  }

  get isMostlyDead(): boolean {
    const contentBytes = this.committedEnd - LOG_HEADER_BYTES;
    return this.sealed && (this.liveBytes + this.keptBytes) * 2 < contentBytes;
  }

  /** Counts a message in. */
  retain(sizeBytes: number): void {
    this.liveCount++;
    this.liveBytes += sizeBytes + RECORD_SURPLUS_BYTES;
  }

  /** Counts a removed message out. */
  release(sizeBytes: number): void {
    this.liveCount--;
    this.liveBytes -= sizeBytes + RECORD_SURPLUS_BYTES;
  }

  /** Puts `bytes` in the place of what is cached of the file at `position`. */
  overwriteCached(position: number, bytes: Uint8Array): void {
    const chunk = this.writtenChunk(position);
    chunk?.bytes.set(bytes, position - chunk.start);
    for (const [number, block] of this.blocks) {
      if (block.end <= position || block.start >= position + bytes.length) continue;
      this.context.cache.remove(block);
      this.blocks.delete(number);
    }
  }

  /** Nothing more is written to this segment. */
  seal(): void {
    this.sealed = true;
    const last = this.written.at(-1);
    if (last !== undefined && this.isEvictable(last)) this.context.cache.use(last);
  }

  /** The staged bytes from `start` to `end`, in pieces. */
  staged(start: number, end: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (const chunk of this.written) {
      if (chunk.end <= start || chunk.start >= end) continue;
      const from = Math.max(start, chunk.start) - chunk.start;
      pieces.push(chunk.bytes.subarray(from, Math.min(end, chunk.end) - chunk.start));
    }
    return pieces;
  }

  /**
   * Up to `maxBytes` bytes from `position` on, from memory or from the file. They are not to be changed.
   *
   * @throws the system's error.
   */
  bytesAt(position: number, maxBytes: number): Buffer {
    const chunk = this.writtenChunk(position) ?? this.block(position, maxBytes);
    if (chunk !== undefined) {
      if (this.isEvictable(chunk)) this.context.cache.use(chunk);
      const from = position - chunk.start;
      return chunk.bytes.subarray(from, Math.min(chunk.fill, from + maxBytes));
    }
    return this.readFile(position, Math.min(maxBytes, this.committedEnd - position));
  }

  /** Forgets the cached bytes: the file changed. */
  forget(): void {
    for (const chunk of [...this.written, ...this.blocks.values()]) this.context.cache.remove(chunk);
    this.written.length = 0;
    this.blocks.clear();
  }

  /** Reads from the file itself. */
  readFile(position: number, sizeBytes: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, sizeBytes));
    return bytes.subarray(0, this.context.fileSystem.read(this.path, position, bytes));
  }

  private writtenChunk(position: number): LogChunk | undefined {
    let low = 0;
    let high = this.written.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.written[middle]?.end ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    const chunk = this.written[low];
    return chunk !== undefined && chunk.start <= position ? chunk : undefined;
  }

  private block(position: number, maxBytes: number): LogChunk | undefined {
    const number = Math.floor(position / BLOCK_BYTES);
    const start = number * BLOCK_BYTES;
    if (position + maxBytes > start + BLOCK_BYTES || start + BLOCK_BYTES > this.committedEnd)
      return undefined;
    const known = this.blocks.get(number);
    if (known !== undefined) return known;
    const block = new LogChunk(
      start,
      this.readFile(start, BLOCK_BYTES),
      () => void this.blocks.delete(number),
    );
    block.fill = block.bytes.length;
    this.blocks.set(number, block);
    return block;
  }

  /** The chunk that grows and what is not in the file yet must stay. */
  private isEvictable(chunk: LogChunk): boolean {
    return chunk.end <= this.committedEnd && (this.sealed || chunk !== this.written.at(-1));
  }

  private evictWritten(chunk: LogChunk): void {
    const index = this.written.indexOf(chunk);
    if (index >= 0) this.written.splice(index, 1);
  }
}
