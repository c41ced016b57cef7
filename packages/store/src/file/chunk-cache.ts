/** A piece of a log file in memory. */
export class LogChunk {
  /** How many bytes of `bytes` are content. */
  fill = 0;

  /**
   * @param start - offset in the file of the first byte.
   * @param evicted - called when the cache gives the chunk up.
   */
  constructor(
    readonly start: number,
    readonly bytes: Buffer,
    readonly evicted: (chunk: LogChunk) => void,
  ) {}

  get end(): number {
    return this.start + this.fill;
  }
}

/** Which chunks of all log files stay in memory: the most recently used, up to a limit of bytes. */
export class ChunkCache {
  private readonly chunks = new Set<LogChunk>();
  private newest: LogChunk | undefined;
  sizeBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** Adds a chunk, or notes that it was used. */
  use(chunk: LogChunk): void {
    if (chunk === this.newest) return;
    if (!this.chunks.delete(chunk)) this.sizeBytes += chunk.bytes.length;
    this.chunks.add(chunk);
    this.newest = chunk;
    for (const oldest of this.chunks) {
      if (this.sizeBytes <= this.maxBytes || oldest === chunk) break;
      this.remove(oldest);
      oldest.evicted(oldest);
    }
  }

  remove(chunk: LogChunk): void {
    if (!this.chunks.delete(chunk)) return;
    this.sizeBytes -= chunk.bytes.length;
    if (this.newest === chunk) this.newest = undefined;
  }
}
