/** Size of a block: about what one write should carry. */
export const BLOCK_BYTES = 64 * 1024;
/** Blocks kept for reuse; more are left to the garbage collector. */
const KEPT_BLOCKS = 64;

/** Memory for outgoing bytes, shared by all connections: one that has nothing to send holds none. */
export class BlockPool {
  private readonly free: Buffer[] = [];

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  give(block: Buffer): void {
    if (this.free.length < KEPT_BLOCKS) this.free.push(block);
  }
}
