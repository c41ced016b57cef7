import { BLOCK_SPAN, IndexBlock, type IndexEntry } from "./index-block.js";

/** Every message of a stream by sequence, in blocks; see {@link IndexBlock} for what it costs. */
export class SequenceIndex {
  private blocks: IndexBlock[] = [];
  /** How many messages there are. */
  count = 0;

  /** @param sequence - above every sequence ever put. */
  put(sequence: number, entry: IndexEntry): void {
    const number = Math.floor(sequence / BLOCK_SPAN);
    let block = this.blocks.at(-1);
    if (block === undefined || block.number !== number) {
      block?.shrink();
      block = new IndexBlock(number);
      this.blocks.push(block);
    }
    block.put(sequence, entry);
    this.count++;
  }

  /** The block that holds `sequence`, if it has a message at all. */
  blockOf(sequence: number): IndexBlock | undefined {
    const number = Math.floor(sequence / BLOCK_SPAN);
    const block = this.blocks[this.lowerBound(number)];
    return block?.number === number ? block : undefined;
  }

  has(sequence: number): boolean {
    return (this.blockOf(sequence)?.slotOf(sequence) ?? -1) >= 0;
  }

  /** @param sequence - of a message that is there. */
  remove(sequence: number): void {
    const at = this.lowerBound(Math.floor(sequence / BLOCK_SPAN));
    const block = this.blocks[at];
    const slot = block?.slotOf(sequence) ?? -1;
    if (block === undefined || slot < 0) return;
    block.clear(slot);
    this.count--;
    const isLast = at === this.blocks.length - 1;
    if (block.live === 0) this.blocks.splice(at, 1);
    else if (!isLast) block.shrink();
  }

  clear(): void {
    this.blocks = [];
    this.count = 0;
  }

  /** The lowest sequence with a message at or after `sequence`. */
  ceil(sequence: number): number | undefined {
    for (let at = this.lowerBound(Math.floor(sequence / BLOCK_SPAN)); at < this.blocks.length; at++) {
      const block = this.blocks[at];
      const slot = block?.slotFrom(sequence) ?? -1;
      if (block !== undefined && slot >= 0) return block.sequenceOf(slot);
    }
    return undefined;
  }

  /** The highest sequence with a message at or before `sequence`. */
  floor(sequence: number): number | undefined {
    const number = Math.floor(sequence / BLOCK_SPAN);
    for (let at = Math.min(this.lowerBound(number), this.blocks.length - 1); at >= 0; at--) {
      const block = this.blocks[at];
      const slot = block !== undefined && block.number <= number ? block.slotUpTo(sequence) : -1;
      if (block !== undefined && slot >= 0) return block.sequenceOf(slot);
    }
    return undefined;
  }

  /** How many messages are at or after `sequence`. Costs a step per block, not per message. */
  countFrom(sequence: number): number {
    const at = this.lowerBound(Math.floor(sequence / BLOCK_SPAN));
    let count = this.blocks[at]?.countFrom(sequence) ?? 0;
    for (let index = at + 1; index < this.blocks.length; index++) count += this.blocks[index]?.live ?? 0;
    return count;
  }

  /** The lowest sequence stored at or after `timestampUs`, provided that timestamps do not go back. */
  sequenceAt(timestampUs: number): number | undefined {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.blocks[middle];
      const slot = block?.slotUpTo(Number.MAX_SAFE_INTEGER) ?? -1;
      if (block !== undefined && block.timestampUsAt(slot) < timestampUs) low = middle + 1;
      else high = middle;
    }
    const block = this.blocks[low];
    return block === undefined ? undefined : sequenceInBlock(block, timestampUs);
  }

  /** The blocks from the one that holds `sequence`, or would, to the newest. */
  *blocksFrom(sequence: number): Generator<IndexBlock> {
    for (let at = this.lowerBound(Math.floor(sequence / BLOCK_SPAN)); at < this.blocks.length; at++) {
      const block = this.blocks[at];
      if (block !== undefined) yield block;
    }
  }

  /** The blocks from the one that holds `sequence`, or would, to the oldest. */
  *blocksUpTo(sequence: number): Generator<IndexBlock> {
    const number = Math.floor(sequence / BLOCK_SPAN);
    for (let at = Math.min(this.lowerBound(number), this.blocks.length - 1); at >= 0; at--) {
      const block = this.blocks[at];
      if (block !== undefined && block.number <= number) yield block;
    }
  }

  /** Whether appends can still add to `block`. */
  isOpen(block: IndexBlock): boolean {
    return block === this.blocks.at(-1);
  }

  /** Index of the first block with this number or a higher one. */
  private lowerBound(number: number): number {
    const { blocks } = this;
    const guess = number - (blocks[0]?.number ?? number);
    if (guess <= 0) return 0;
    if (blocks[guess]?.number === number) return guess;
    let low = 0;
    let high = blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((blocks[middle]?.number ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function sequenceInBlock(block: IndexBlock, timestampUs: number): number | undefined {
  for (let slot = block.slotFrom(0); slot >= 0 && slot < block.used; slot++) {
    if (block.subjectIdAt(slot) !== 0 && block.timestampUsAt(slot) >= timestampUs)
      return block.sequenceOf(slot);
  }
  return undefined;
}
