/**
 * Runs tasks one after the other. A task that needs not wait, neither for others nor for itself, is done when
 * `add` returns.
 */
export class TaskQueue {
  private waiting: (() => void | Promise<void>)[] = [];
  private running: Promise<void> | undefined;
  private closed = false;

  /** @param failed - hears of what a task threw; the others run on. */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Adds a task; after {@link close} it is dropped. */
  add(task: () => void | Promise<void>): void {
    if (this.closed) return;
    this.waiting.push(task);
    if (this.running === undefined) this.runWaiting();
  }

  /** Adds a task whose result is asked for. */
  run<T>(task: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.add(async () => {
        try {
          resolve(await task());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Takes no more tasks, and resolves when those that were added are done. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.running !== undefined) await this.running;
  }

  private runWaiting(): void {
    for (let task = this.waiting.shift(); task !== undefined; task = this.waiting.shift()) {
      const result = this.start(task);
      if (result === undefined) continue;
      this.running = result.catch(this.failed).then(() => {
        this.running = undefined;
        this.runWaiting();
      });
      return;
    }
  }

  private start(task: () => void | Promise<void>): Promise<void> | undefined {
    try {
      return task() ?? undefined;
    } catch (error) {
      this.failed(error);
      return undefined;
    }
  }
}
