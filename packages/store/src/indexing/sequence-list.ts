/** Sequences per chunk: small enough that a removal in the middle moves at most 4 KiB. */
const CHUNK_CAPACITY = 1024;
const SMALLEST_CHUNK = 4;
/** Chunks keep differences to their first sequence in 32 bits. */
const MAX_DIFFERENCE = 0xffff_ffff;

/** An ascending run of sequences, 4 bytes each. */
class Chunk {
  private differences = new Uint32Array(SMALLEST_CHUNK);
  length = 0;

  constructor(private readonly base: number) {}

  accepts(sequence: number): boolean {
    return this.length < CHUNK_CAPACITY && sequence - this.base <= MAX_DIFFERENCE;
  }

  push(sequence: number): void {
    if (this.length === this.differences.length) {
      const grown = new Uint32Array(Math.min(CHUNK_CAPACITY, this.length * 2));
      grown.set(this.differences);
      this.differences = grown;
    }
    this.differences[this.length++] = sequence - this.base;
  }

  at(index: number): number {
    return this.base + (this.differences[index] ?? 0);
  }

  /** Index of the first sequence at or after `sequence`; `length` if none. */
  lowerBound(sequence: number): number {
    const wanted = sequence - this.base;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.differences[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  removeAt(index: number): void {
    this.differences.copyWithin(index, index + 1, this.length);
    this.length--;
    if (this.length > 0 && this.length * 4 < this.differences.length) {
      this.differences = this.differences.slice(0, this.length * 2);
    }
  }
}

/** Ascending sequences of one subject; append at the end, removal anywhere, search by bisection. */
export class SequenceList {
  private readonly chunks: Chunk[] = [];

  /** @param sequence - above every sequence in the list. */
  push(sequence: number): void {
    let chunk = this.chunks.at(-1);
    if (chunk === undefined || !chunk.accepts(sequence)) {
      chunk = new Chunk(sequence);
      this.chunks.push(chunk);
    }
    chunk.push(sequence);
  }

  /** @returns false when `sequence` is not in the list. */
  remove(sequence: number): boolean {
    const at = this.chunkFor(sequence);
    const chunk = this.chunks[at];
    const index = chunk?.lowerBound(sequence) ?? 0;
    if (chunk === undefined || index === chunk.length || chunk.at(index) !== sequence) return false;
    chunk.removeAt(index);
    if (chunk.length === 0) this.chunks.splice(at, 1);
    return true;
  }

  first(): number | undefined {
    return this.chunks[0]?.at(0);
  }

  last(): number | undefined {
    const chunk = this.chunks.at(-1);
    return chunk?.at(chunk.length - 1);
  }

  /** The lowest sequence at or after `sequence`. */
  ceil(sequence: number): number | undefined {
    const chunk = this.chunks[this.chunkFor(sequence)];
    return chunk?.at(chunk.lowerBound(sequence));
  }

  /** The highest sequence at or before `sequence`. */
  floor(sequence: number): number | undefined {
    const at = this.chunkFor(sequence);
    const chunk = this.chunks[at];
    const index = chunk?.lowerBound(sequence) ?? 0;
    if (chunk !== undefined && chunk.at(index) === sequence) return sequence;
    if (chunk !== undefined && index > 0) return chunk.at(index - 1);
    const previous = this.chunks[at - 1];
    return previous?.at(previous.length - 1);
  }

  /** How many sequences are at or after `sequence`. */
  countFrom(sequence: number): number {
    const at = this.chunkFor(sequence);
    let count = 0;
    for (let index = at; index < this.chunks.length; index++) count += this.chunks[index]?.length ?? 0;
    return count - (this.chunks[at]?.lowerBound(sequence) ?? 0);
  }

  /** Index of the first chunk whose last sequence is at or after `sequence`; the number of chunks if none. */
  private chunkFor(sequence: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.chunks[middle];
      if (chunk !== undefined && chunk.at(chunk.length - 1) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
