/** Size of the largest block: about what one write should carry. */
export const BLOCK_BYTES = 64 * 1024;

/**
 * Sizes of blocks, and how many of each may be filled at a time. When many connections have much to send in the same
 * turn they get smaller blocks and write more often: memory stays small, and in the processor's cache.
 */
const SIZES = [
  { sizeBytes: 4 * 1024, most: Number.POSITIVE_INFINITY },
  { sizeBytes: 16 * 1024, most: 512 },
  { sizeBytes: BLOCK_BYTES, most: 64 },
] as const;
/** Bytes of each size that are kept for reuse; more is left to the garbage collector. */
const KEPT_BYTES = 8 * 1024 * 1024;

class Shelf {
  readonly free: Buffer[] = [];
  /** Blocks that are being filled. */
  filling = 0;

  constructor(
    readonly sizeBytes: number,
    readonly most: number,
  ) {}
}

/** Memory for outgoing bytes, shared by all connections: one that has nothing to send holds none. */
export class BlockPool {
  private readonly shelves = SIZES.map(({ sizeBytes, most }) => new Shelf(sizeBytes, most));

  /**
   * @param leastBytes - what must fit in; at most {@link BLOCK_BYTES}.
   * @param wantedBytes - what is expected to be filled in.
   * @returns a block that may be smaller than wanted.
   */
  take(leastBytes: number, wantedBytes: number): Buffer {
    let chosen: Shelf | undefined;
    for (const shelf of this.shelves) {
      if (shelf.sizeBytes < leastBytes) continue;
      if (chosen !== undefined && chosen.sizeBytes >= wantedBytes) break;
      if (chosen === undefined || shelf.filling < shelf.most) chosen = shelf;
    }
    const shelf = chosen as Shelf; // the largest fits whatever is allowed
    shelf.filling++;
    return shelf.free.pop() ?? Buffer.allocUnsafeSlow(shelf.sizeBytes);
  }

  /** A block is being filled no longer; its bytes may still be needed. */
  filled(block: Buffer): void {
    this.shelfOf(block).filling--;
  }

  /** A block's bytes are needed no longer. */
  give(block: Buffer): void {
    const { free, sizeBytes } = this.shelfOf(block);
    if (free.length * sizeBytes < KEPT_BYTES) free.push(block);
  }

  private shelfOf({ length }: Buffer): Shelf {
    return this.shelves.find(({ sizeBytes }) => sizeBytes === length) as Shelf; // blocks come from take()
  }
}
