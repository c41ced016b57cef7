import type { Clock, Logger, Timer } from "@ganglion/kernel";

/** Something that can be verified piece by piece. */
export interface Checkable {
  /** @returns the size of each piece that was read, in bytes. */
  check(): Generator<number>;
}

/** What a {@link Scrubber} works with. */
export interface ScrubberOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Time between two passes, and in front of the first. 0: never. */
  readonly intervalMs: number;
  /** How much it reads per second, in bytes. */
  readonly bytesPerSecond: number;
  /** What there is to verify at the moment. */
  streams(): Iterable<Checkable>;
}

/**
 * Reads everything that lies on the disk now and then, slowly, so that damage is found while there is still a
 * backup, and not when the message is needed.
 */
export class Scrubber {
  private timer: Timer | undefined;

  constructor(private readonly options: ScrubberOptions) {
    if (options.intervalMs > 0) this.nextPass();
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private nextPass(): void {
    this.schedule(this.options.intervalMs, () => this.step(this.pieces(), 0));
  }

  private *pieces(): Generator<number> {
    for (const stream of [...this.options.streams()]) yield* stream.check();
  }

  private step(pieces: Generator<number>, readBytes: number): void {
    const { logger, bytesPerSecond } = this.options;
    let piece: IteratorResult<number>;
    try {
      piece = pieces.next();
    } catch (error) {
      logger.error("Checking the store failed", { error });
      this.nextPass();
      return;
    }
    if (piece.done === true) {
      logger.debug("The store was checked", { readBytes });
      this.nextPass();
      return;
    }
    const { value } = piece;
    this.schedule((value / bytesPerSecond) * 1000, () => this.step(pieces, readBytes + value));
  }

  private schedule(ms: number, work: () => void): void {
    this.timer = this.options.clock.schedule(Math.ceil(ms), work);
  }
}
