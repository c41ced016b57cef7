import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@ganglion/kernel";
import type { PublishedFrame } from "@ganglion/protocol";
import { BLOCK_BYTES, type BlockPool } from "./block-pool.js";
import { CLOSE_REASON, type CloseReason } from "./close-reason.js";
import type { Flushable, FlushQueue } from "./flush-queue.js";

const NO_BLOCK: Buffer = Buffer.alloc(0);
const CRLF: Uint8Array = Buffer.from("\r\n");
/** A write that was finished before it returned: its callback has nothing to do. */
const FINISHED: PendingWrite = { block: undefined, sizeBytes: 0 };
/** Up to this size a loop copies faster than `set` does. */
const SHORT_BYTES = 64;
/** Most bytes in flight while paced producers (JetStream consumers) may go on. */
const ROOM_BYTES = 1024 * 1024;

interface PendingWrite {
  /** To be given back to the pool; undefined when the memory is not the pool's. */
  readonly block: Buffer | undefined;
  readonly sizeBytes: number;
}

/** What an outbox works with. */
export interface OutboxEnvironment {
  readonly pool: BlockPool;
  readonly queue: FlushQueue;
  readonly clock: Clock;
  maxPendingBytes: number;
  writeDeadlineMs: number;
}

/**
 * The outgoing bytes of one connection. Operations are copied into a block; a block is written when it is full and
 * at the end of the event-loop turn, so that many messages share one system call.
 */
export class Outbox implements Flushable {
  private block = NO_BLOCK;
  private used = 0;
  /** How much there will be to write, by what there was last. */
  private expectedBytes = 0;
  private queued = false;
  private closed = false;
  private readonly writes: PendingWrite[] = [];
  private inFlightBytes = 0;
  private deadline: Timer | undefined;
  private waiters: { readonly belowBytes: number; readonly callback: () => void }[] = [];
  private hasMessages = false;
  /** When messages were last written out, on the monotonic clock. */
  lastMessageMs = 0;
  /**
   * True while more than three quarters of the allowed bytes wait: producers should pause.
   *
   * Source: nats-server client.go `queueOutbound` (stall gate).
   */
  congested = false;

  constructor(
    private transport: Duplex,
    private readonly environment: OutboxEnvironment,
    /** Called once when the peer does not read fast enough; it must close the connection. */
    private readonly onSlow: (reason: CloseReason) => void,
  ) {}

  /** Bytes that wait to be taken by the operating system. */
  get pendingBytes(): number {
    return this.inFlightBytes + this.used;
  }

  /** Whether a paced producer may put more in. */
  get hasRoom(): boolean {
    return this.closed || this.inFlightBytes < this.roomBytes;
  }

  /** Calls back once when there is room for a paced producer, or the connection is closed. */
  whenRoom(callback: () => void): void {
    this.whenBelow(this.roomBytes, callback);
  }

  /** Calls back once when the connection is not congested any more, or is closed. */
  whenUncongested(callback: () => void): void {
    this.whenBelow(this.congestionBytes, callback);
  }

  private whenBelow(belowBytes: number, callback: () => void): void {
    if (this.closed || this.inFlightBytes < belowBytes) callback();
    else this.waiters.push({ belowBytes, callback });
  }

  private get roomBytes(): number {
    return Math.min(ROOM_BYTES, this.environment.maxPendingBytes / 4);
  }

  private get congestionBytes(): number {
    return (this.environment.maxPendingBytes / 4) * 3;
  }

  /** Writes out what is there, and writes to `transport` from now on. */
  moveTo(transport: Duplex): void {
    this.flush();
    this.transport = transport;
  }

  /** Puts in an operation as it is. @returns false when the connection is closed. */
  append(bytes: Uint8Array): boolean {
    if (this.used + bytes.length > this.block.length && !this.makeRoom(bytes.length)) {
      return this.writeApart(Buffer.from(bytes));
    }
    this.block.set(bytes, this.used);
    this.used += bytes.length;
    this.enqueue();
    return !this.closed;
  }

  /** Puts in `prefix` and behind it the canonical tail of a message. @returns false when the connection is closed. */
  appendMessage(prefix: Uint8Array, frame: PublishedFrame): boolean {
    this.hasMessages = true;
    const from = frame.tailStart;
    const to = frame.dataEnd + 2;
    const sizeBytes = prefix.length + to - from;
    if (this.used + sizeBytes > this.block.length && !this.makeRoom(sizeBytes)) {
      return this.append(prefix) && this.writeApart(rangeOf(frame, from, to));
    }
    const { block, used } = this;
    copyShort(block, used, prefix);
    const behind = used + prefix.length;
    if (to - from > SHORT_BYTES) block.set(frame.tail(), behind);
    else {
      const { bytes } = frame;
      for (let i = from; i < to; i++) block[behind + i - from] = bytes[i] as number; // the range is in bytes
    }
    this.used = used + sizeBytes;
    if (!this.queued) this.enqueue();
    return !this.closed;
  }

  /** Puts in a message without its headers, for a client that does not understand them. */
  appendWithoutHeaders(prefix: Uint8Array, frame: PublishedFrame): boolean {
    this.hasMessages = true;
    const reply = frame.bytes.subarray(frame.replyStart, frame.replyEnd);
    const payload = frame.bytes.subarray(frame.dataStart + frame.headerSizeBytes, frame.dataEnd);
    const sizes = Buffer.from(`${reply.length > 0 ? " " : ""}${payload.length}\r\n`);
    return this.append(Buffer.concat([prefix, reply, sizes, payload, CRLF]));
  }

  /** Writes out what is there. @param nowMs - the monotonic clock, when it is known. */
  flush(nowMs = this.lastMessageMs): void {
    this.queued = false;
    if (this.hasMessages) {
      this.hasMessages = false;
      this.lastMessageMs = nowMs;
    }
    if (this.used > 0) this.writeBlock();
  }

  /** Writes out what is there and takes nothing more. @param discard - drops it instead. */
  close({ discard }: { readonly discard: boolean }): void {
    if (this.closed) return;
    if (!discard) this.flush();
    this.closed = true;
    this.used = 0;
    this.dropBlock();
    this.deadline?.cancel();
    this.release();
  }

  private dropBlock(): void {
    if (this.block === NO_BLOCK) return;
    this.environment.pool.filled(this.block);
    this.environment.pool.give(this.block);
    this.block = NO_BLOCK;
  }

  private enqueue(): void {
    if (this.queued) return;
    this.queued = true;
    this.environment.queue.add(this);
  }

  /** Provides a block with room for `sizeBytes`. @returns false when no block can hold that much. */
  private makeRoom(sizeBytes: number): boolean {
    const { pool, maxPendingBytes } = this.environment;
    if (this.used > 0) this.writeBlock();
    if (this.inFlightBytes + sizeBytes > maxPendingBytes) this.fail();
    if (sizeBytes > BLOCK_BYTES) return false;
    if (this.block === NO_BLOCK) this.block = pool.take(sizeBytes, this.expectedBytes);
    return true;
  }

  private writeBlock(): void {
    const { block, used } = this;
    this.block = NO_BLOCK;
    this.used = 0;
    // A block that got full is followed by a larger one, a block that did not by one of about its content's size.
    this.expectedBytes = used > block.length / 2 ? 2 * block.length : used;
    this.environment.pool.filled(block);
    if (this.inFlightBytes > 0 && used <= block.length / 2) {
      // It will wait: not with a block that is mostly empty.
      this.write(Buffer.from(block.subarray(0, used)), undefined);
      this.environment.pool.give(block);
    } else this.write(block.subarray(0, used), block);
  }

  /** Writes bytes that nobody will change, without copying them. */
  private writeApart(bytes: Uint8Array): boolean {
    if (this.used > 0) this.writeBlock();
    this.write(bytes, undefined);
    return !this.closed;
  }

  private write(bytes: Uint8Array, block: Buffer | undefined): void {
    if (this.closed) return;
    this.transport.write(bytes, this.onWritten);
    if (this.transport.writableLength === 0) {
      // The operating system has taken everything, so the memory is free again.
      if (block !== undefined) this.environment.pool.give(block);
      this.writes.push(FINISHED);
      return;
    }
    this.writes.push({ block, sizeBytes: bytes.length });
    this.inFlightBytes += bytes.length;
    this.deadline ??= this.armDeadline();
    this.congested = this.inFlightBytes > this.congestionBytes;
    if (this.inFlightBytes > this.environment.maxPendingBytes) this.fail();
  }

  private readonly onWritten = (): void => {
    const write = this.writes.shift();
    if (write === undefined || write === FINISHED) return;
    if (write.block !== undefined) this.environment.pool.give(write.block);
    this.inFlightBytes -= write.sizeBytes;
    if (this.closed) return;
    this.deadline?.cancel();
    this.deadline = this.inFlightBytes > 0 ? this.armDeadline() : undefined;
    this.congested = this.inFlightBytes > this.congestionBytes;
    if (this.waiters.length > 0) this.release();
  };

  private armDeadline(): Timer {
    const { clock, writeDeadlineMs } = this.environment;
    return clock.schedule(writeDeadlineMs, () => this.onSlow(CLOSE_REASON.slowConsumerWriteDeadline));
  }

  private fail(): void {
    if (!this.closed) this.onSlow(CLOSE_REASON.slowConsumerPendingBytes);
  }

  /** Calls back who waited for what is true now. */
  private release(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const { belowBytes, callback } of waiters) this.whenBelow(belowBytes, callback);
  }
}

/** Copies byte by byte: for a few bytes that is faster than `set`, which has to look at types and bounds. */
function copyShort(target: Uint8Array, at: number, source: Uint8Array): void {
  for (let i = 0; i < source.length; i++) target[at + i] = source[i] as number; // i < length
}

/** A range of a frame that stays as it is: the bytes themselves when they may be kept, else a copy. */
function rangeOf(frame: PublishedFrame, from: number, to: number): Uint8Array {
  const range = frame.bytes.subarray(from, to);
  return frame.retainable ? range : Buffer.from(range);
}
