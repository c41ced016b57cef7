/** Sequences one block spans. */
export const BLOCK_SPAN = 4096;
const SMALLEST_CAPACITY = 64;
/** Of a size: the message has headers. */
const HAS_HEADERS = 2 ** 31;

/** Reads what {@link IndexBlock.sizeWordAt} gave. */
export function readSizeWord(word: number): Pick<IndexEntry, "sizeBytes" | "hasHeaders"> {
  return { sizeBytes: word & ~HAS_HEADERS, hasHeaders: word >= HAS_HEADERS };
}

/** What the index keeps of one message: 24 bytes. */
export interface IndexEntry {
  readonly timestampUs: number;
  /** Number of the subject, at least 1. */
  readonly subjectId: number;
  /** Size as limits count it, less than 2^31. */
  readonly sizeBytes: number;
  readonly hasHeaders: boolean;
  /** Number of the segment that holds the record; unused by the memory engine. */
  readonly segment: number;
  /** Where the record begins in that segment; unused by the memory engine. */
  readonly position: number;
}

class Columns {
  readonly timestampsUs: Float64Array;
  readonly subjectIds: Uint32Array;
  readonly sizes: Uint32Array;
  readonly segments: Uint32Array;
  readonly positions: Uint32Array;

  constructor(readonly capacity: number) {
    const memory = new ArrayBuffer(capacity * 24);
    this.timestampsUs = new Float64Array(memory, 0, capacity);
    this.subjectIds = new Uint32Array(memory, capacity * 8, capacity);
    this.sizes = new Uint32Array(memory, capacity * 12, capacity);
    this.segments = new Uint32Array(memory, capacity * 16, capacity);
    this.positions = new Uint32Array(memory, capacity * 20, capacity);
  }

  copySlot(slot: number, from: Columns, fromSlot: number): void {
    this.timestampsUs[slot] = from.timestampsUs[fromSlot] ?? 0;
    this.subjectIds[slot] = from.subjectIds[fromSlot] ?? 0;
    this.sizes[slot] = from.sizes[fromSlot] ?? 0;
    this.segments[slot] = from.segments[fromSlot] ?? 0;
    this.positions[slot] = from.positions[fromSlot] ?? 0;
  }
}

/**
 * The index entries of up to {@link BLOCK_SPAN} neighbouring sequences.
 *
 * A block begins dense: slot n belongs to sequence `firstSequence + n`, and subject 0 marks a hole. A block
 * that no append can reach any more and that lost most of its messages becomes sparse: only the remaining
 * slots, found by bisection. So a stream with few messages left of many costs memory for the few.
 */
export class IndexBlock {
  /** How many messages are in the block. */
  live = 0;
  /** Slots in use; beyond them nothing was ever put. */
  used = 0;
  private columns = new Columns(SMALLEST_CAPACITY);
  /** Sparse blocks: for each slot the distance to `firstSequence`, ascending. */
  private distances: Uint16Array | undefined;

  /** @param number - position of the block: it holds the sequences from `number * BLOCK_SPAN` on. */
  constructor(readonly number: number) {}

  get firstSequence(): number {
    return this.number * BLOCK_SPAN;
  }

  put(sequence: number, entry: IndexEntry): void {
    const slot = sequence - this.firstSequence;
    if (slot >= this.columns.capacity) this.grow(slot + 1);
    const { columns } = this;
    columns.timestampsUs[slot] = entry.timestampUs;
    columns.subjectIds[slot] = entry.subjectId;
    columns.sizes[slot] = entry.hasHeaders ? entry.sizeBytes + HAS_HEADERS : entry.sizeBytes;
    columns.segments[slot] = entry.segment;
    columns.positions[slot] = entry.position;
    this.used = slot + 1;
    this.live++;
  }

  clear(slot: number): void {
    this.columns.subjectIds[slot] = 0;
    this.live--;
  }

  /** Gives memory back when most slots are holes. Only for a block no append can reach any more. */
  shrink(): void {
    if (this.live * 4 > this.columns.capacity || this.columns.capacity <= 8) return;
    const kept = new Columns(this.live);
    const distances = new Uint16Array(this.live);
    let count = 0;
    for (let slot = 0; slot < this.used; slot++) {
      if (this.columns.subjectIds[slot] === 0) continue;
      distances[count] = this.distanceOf(slot);
      kept.copySlot(count++, this.columns, slot);
    }
    this.columns = kept;
    this.distances = distances;
    this.used = count;
  }

  /** Slot of the message at `sequence`; -1 when there is none. */
  slotOf(sequence: number): number {
    const slot = this.lowerBound(sequence - this.firstSequence);
    if (slot >= this.used || this.sequenceOf(slot) !== sequence) return -1;
    return this.columns.subjectIds[slot] === 0 ? -1 : slot;
  }

  /** Slot of the first message at or after `sequence`; -1 when there is none. */
  slotFrom(sequence: number): number {
    const { subjectIds } = this.columns;
    for (let slot = this.lowerBound(sequence - this.firstSequence); slot < this.used; slot++) {
      if (subjectIds[slot] !== 0) return slot;
    }
    return -1;
  }

  /** Slot of the last message at or before `sequence`; -1 when there is none. */
  slotUpTo(sequence: number): number {
    const { subjectIds } = this.columns;
    const end = Math.min(this.used, this.lowerBound(sequence + 1 - this.firstSequence));
    for (let slot = end - 1; slot >= 0; slot--) {
      if (subjectIds[slot] !== 0) return slot;
    }
    return -1;
  }

  /** How many messages are at or after `sequence`. */
  countFrom(sequence: number): number {
    if (sequence <= this.firstSequence) return this.live;
    let count = 0;
    const { subjectIds } = this.columns;
    for (let slot = this.lowerBound(sequence - this.firstSequence); slot < this.used; slot++) {
      if (subjectIds[slot] !== 0) count++;
    }
    return count;
  }

  sequenceOf(slot: number): number {
    return this.firstSequence + this.distanceOf(slot);
  }

  /** First slot whose sequence is `distance` or more above `firstSequence`. May be a hole, may be `used` or more. */
  lowerBound(distance: number): number {
    if (this.distances === undefined) return Math.max(0, distance);
    let low = 0;
    let high = this.used;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.distances[middle] ?? 0) < distance) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** 0 for a hole. */
  subjectIdAt(slot: number): number {
    return this.columns.subjectIds[slot] ?? 0;
  }

  timestampUsAt(slot: number): number {
    return this.columns.timestampsUs[slot] ?? 0;
  }

  sizeBytesAt(slot: number): number {
    return (this.columns.sizes[slot] ?? 0) & ~HAS_HEADERS;
  }

  hasHeadersAt(slot: number): boolean {
    return (this.columns.sizes[slot] ?? 0) >= HAS_HEADERS;
  }

  /** Size and whether there are headers, in 32 bits. */
  sizeWordAt(slot: number): number {
    return this.columns.sizes[slot] ?? 0;
  }

  segmentAt(slot: number): number {
    return this.columns.segments[slot] ?? 0;
  }

  positionAt(slot: number): number {
    return this.columns.positions[slot] ?? 0;
  }

  /** The record of a message moved. */
  relocate(slot: number, segment: number, position: number): void {
    this.columns.segments[slot] = segment;
    this.columns.positions[slot] = position;
  }

  private distanceOf(slot: number): number {
    return this.distances === undefined ? slot : (this.distances[slot] ?? 0);
  }

  private grow(needed: number): void {
    const grown = new Columns(Math.min(BLOCK_SPAN, Math.max(needed, this.columns.capacity * 4)));
    for (let slot = 0; slot < this.used; slot++) grown.copySlot(slot, this.columns, slot);
    this.columns = grown;
  }
}
