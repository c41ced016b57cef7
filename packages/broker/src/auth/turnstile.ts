import { type Deferred, deferred } from "@ganglion/kernel";

/** Lets a number of tasks run at a time; the others wait in line. */
export class Turnstile {
  private running = 0;
  private readonly line: Deferred<void>[] = [];

  /** @param width - tasks that may run at a time. */
  constructor(private readonly width: number) {}

  /** Runs `task` when it is its turn. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.running >= this.width) {
      const turn = deferred<void>();
      this.line.push(turn);
      await turn.promise;
    } else {
      this.running++;
    }
    try {
      return await task();
    } finally {
      // The place goes to the next in line, or is free.
      const next = this.line.shift();
      if (next === undefined) this.running--;
      else next.resolve();
    }
  }
}
