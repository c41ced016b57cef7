import { assertNever } from "@ganglion/kernel";
import type { ConsumerChange, ConsumerState, PendingDelivery, SequencePair } from "../consumer-store.js";

/*
 * The data of a `consumers` record: entries, one behind the other. Numbers are little-endian; f64 holds
 * integers below 2^53 exactly. `id` stands for a consumer's name within one file.
 *
 *    define        1 u8 | id u32 | size u16 | name         a name gets a number; its state begins empty
 *    forget        2 u8 | id u32
 *    delivered     3 u8 | id u32 | stream f64 | consumer f64 | timestamp us f64 | deliveries u32 | pending u8
 *    acknowledged  4 u8 | id u32 | stream f64 | floor pair
 *    floor         5 u8 | id u32 | floor pair | delivered pair
 *    state         6 u8 | id u32 | delivered pair | floor pair | count u32 | count times pending entry
 *
 *    pair           consumer f64 | stream f64
 *    pending entry  stream f64 | consumer f64 | timestamp us f64 | deliveries u32
 */

const Entry = { define: 1, forget: 2, delivered: 3, acknowledged: 4, floor: 5, state: 6 } as const;

/** What an entry says. */
export type ConsumerEntry =
  | { readonly kind: "define"; readonly id: number; readonly name: string }
  | { readonly kind: "forget"; readonly id: number }
  | { readonly kind: "change"; readonly id: number; readonly change: ConsumerChange }
  | { readonly kind: "state"; readonly id: number; readonly state: ConsumerState };

const FIRST_CAPACITY_BYTES = 256;
const PENDING_ENTRY_BYTES = 28;

/** Collects entries. */
export class ConsumerEntryWriter {
  private buffer = Buffer.alloc(FIRST_CAPACITY_BYTES);
  private size = 0;

  get sizeBytes(): number {
    return this.size;
  }

  /** The entries so far; the writer begins anew. */
  take(): Buffer {
    const bytes = Buffer.from(this.buffer.subarray(0, this.size));
    this.size = 0;
    return bytes;
  }

  write(entry: ConsumerEntry): void {
    switch (entry.kind) {
      case "define": {
        const name = Buffer.from(entry.name, "utf8");
        this.begin(Entry.define, entry.id, 2 + name.length);
        this.buffer.writeUInt16LE(name.length, this.size);
        this.buffer.set(name, this.size + 2);
        this.size += 2 + name.length;
        break;
      }
      case "forget":
        this.begin(Entry.forget, entry.id, 0);
        break;
      case "change":
        this.change(entry.id, entry.change);
        break;
      case "state":
        this.state(entry.id, entry.state);
        break;
      default:
        assertNever(entry, "consumer entry");
    }
  }

  private change(id: number, change: ConsumerChange): void {
    switch (change.kind) {
      case "delivered":
        this.begin(Entry.delivered, id, 29);
        this.numbers(change.streamSequence, change.consumerSequence, change.timestampUs);
        this.buffer.writeUInt32LE(change.deliveries, this.size);
        this.buffer.writeUInt8(change.pending ? 1 : 0, this.size + 4);
        this.size += 5;
        break;
      case "acknowledged":
        this.begin(Entry.acknowledged, id, 24);
        this.numbers(change.streamSequence, change.ackFloor.consumer, change.ackFloor.stream);
        break;
      case "floor":
        this.begin(Entry.floor, id, 32);
        this.pairs(change.ackFloor, change.delivered);
        break;
      default:
        assertNever(change, "consumer change");
    }
  }

  private state(id: number, { delivered, ackFloor, pending }: ConsumerState): void {
    this.begin(Entry.state, id, 36 + pending.size * PENDING_ENTRY_BYTES);
    this.pairs(delivered, ackFloor);
    this.buffer.writeUInt32LE(pending.size, this.size);
    this.size += 4;
    for (const [streamSequence, { consumerSequence, timestampUs, deliveries }] of pending) {
      this.numbers(streamSequence, consumerSequence, timestampUs);
      this.buffer.writeUInt32LE(deliveries, this.size);
      this.size += 4;
    }
  }

  private begin(kind: number, id: number, restBytes: number): void {
    const needed = this.size + 5 + restBytes;
    if (needed > this.buffer.length) {
      const grown = Buffer.alloc(Math.max(needed, this.buffer.length * 2));
      this.buffer.copy(grown);
      this.buffer = grown;
    }
    this.buffer.writeUInt8(kind, this.size);
    this.buffer.writeUInt32LE(id, this.size + 1);
    this.size += 5;
  }

  private pairs(first: SequencePair, second: SequencePair): void {
    this.numbers(first.consumer, first.stream, second.consumer);
    this.numbers(second.stream);
  }

  private numbers(...values: readonly number[]): void {
    for (const value of values) {
      this.buffer.writeDoubleLE(value, this.size);
      this.size += 8;
    }
  }
}

/** Reads the entries of a record whose checksum is right. */
export function* readConsumerEntries(bytes: Buffer): Generator<ConsumerEntry> {
  const reader = new EntryReader(bytes);
  while (reader.hasMore) yield reader.entry();
}

class EntryReader {
  private offset = 0;

  constructor(private readonly bytes: Buffer) {}

  get hasMore(): boolean {
    return this.offset < this.bytes.length;
  }

  entry(): ConsumerEntry {
    const kind = this.bytes.readUInt8(this.offset++);
    const id = this.uint32();
    switch (kind) {
      case Entry.define: {
        const end = this.offset + 2 + this.bytes.readUInt16LE(this.offset);
        const name = this.bytes.toString("utf8", this.offset + 2, end);
        this.offset = end;
        return { kind: "define", id, name };
      }
      case Entry.forget:
        return { kind: "forget", id };
      case Entry.state:
        return { kind: "state", id, state: this.state() };
      default:
        return { kind: "change", id, change: this.change(kind) };
    }
  }

  private change(kind: number): ConsumerChange {
    if (kind === Entry.delivered) {
      const streamSequence = this.number();
      const consumerSequence = this.number();
      const timestampUs = this.number();
      const deliveries = this.uint32();
      const pending = this.bytes.readUInt8(this.offset++) === 1;
      return { kind: "delivered", streamSequence, consumerSequence, timestampUs, deliveries, pending };
    }
    if (kind === Entry.acknowledged) {
      return { kind: "acknowledged", streamSequence: this.number(), ackFloor: this.pair() };
    }
    return { kind: "floor", ackFloor: this.pair(), delivered: this.pair() };
  }

  private state(): ConsumerState {
    const delivered = this.pair();
    const ackFloor = this.pair();
    const pending = new Map<number, PendingDelivery>();
    for (let left = this.uint32(); left > 0; left--) {
      const streamSequence = this.number();
      const consumerSequence = this.number();
      const timestampUs = this.number();
      pending.set(streamSequence, { consumerSequence, timestampUs, deliveries: this.uint32() });
    }
    return { delivered, ackFloor, pending };
  }

  private pair(): SequencePair {
    return { consumer: this.number(), stream: this.number() };
  }

  private number(): number {
    const value = this.bytes.readDoubleLE(this.offset);
    this.offset += 8;
    return value;
  }

  private uint32(): number {
    const value = this.bytes.readUInt32LE(this.offset);
    this.offset += 4;
    return value;
  }
}
