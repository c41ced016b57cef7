/** Work that can be asked for any number of times and is done once per round. */
export interface Runnable {
  run(): void;
}

/**
 * Runs what is ready in rounds: the first round after the current callback, so that everything one socket
 * read brings is worked off together; a round asked for during a round runs after other I/O, so that work
 * which makes work cannot keep the process from reading its sockets.
 */
export class ReadyQueue {
  private ready = new Set<Runnable>();
  private scheduled = false;
  private running = false;

  /** @param failed - hears of what `run` threw; the others run on. */
  constructor(private readonly failed: (error: unknown) => void) {}

  add(runnable: Runnable): void {
    this.ready.add(runnable);
    if (this.scheduled) return;
    this.scheduled = true;
    if (this.running) setImmediate(() => this.runRound());
    else queueMicrotask(() => this.runRound());
  }

  private runRound(): void {
    const round = this.ready;
    this.ready = new Set();
    this.scheduled = false;
    this.running = true;
    for (const runnable of round) {
      try {
        runnable.run();
      } catch (error) {
        this.failed(error);
      }
    }
    this.running = false;
  }
}
