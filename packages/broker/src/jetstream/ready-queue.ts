/** Work that can be asked for any number of times and is done once per round. */
export interface Runnable {
  run(): void;
}

/**
 * Runs what is ready in rounds: the first one right after the current callback, so that everything one socket
 * read brings is worked off together. At most one such round goes before other I/O: what is asked for
 * meanwhile waits for the next turn, so that work which makes work cannot keep the process from reading its
 * sockets.
 */
export class ReadyQueue {
  private ready = new Set<Runnable>();
  private state: "idle" | "scheduled" | "cooling" = "idle";

  /** @param failed - hears of what `run` threw; the others run on. */
  constructor(private readonly failed: (error: unknown) => void) {}

  add(runnable: Runnable): void {
    this.ready.add(runnable);
    if (this.state !== "idle") return;
    this.state = "scheduled";
    queueMicrotask(() => this.runRound());
  }

  private runRound(): void {
    this.state = "cooling";
    setImmediate(() => {
      if (this.ready.size > 0) this.runRound();
      else this.state = "idle";
    });
    const round = this.ready;
    this.ready = new Set();
    for (const runnable of round) {
      try {
        runnable.run();
      } catch (error) {
        this.failed(error);
      }
    }
  }
}
