import { NodeProcess } from "../support/node-process.js";

/** Processes of the service, each of which is started again when it ends. */
export class Fleet implements AsyncDisposable {
  private readonly workers: NodeProcess[];
  /** Processes that gave up because the server was away while they started. */
  failedStarts = 0;

  constructor(
    size: number,
    private readonly start: () => NodeProcess,
  ) {
    this.workers = Array.from({ length: size }, start);
  }

  static of(size: number, { url, journal }: { readonly url: string; readonly journal: string }): Fleet {
    return new Fleet(size, () =>
      NodeProcess.start("test/chaos/worker.ts", [url, journal], { GANGLION_LOG_LEVEL: "info" }),
    );
  }

  get size(): number {
    return this.workers.length;
  }

  /** Resolves when every process has taken up its work. */
  async started(): Promise<void> {
    await Promise.all(this.workers.map((_, index) => this.ready(index)));
  }

  /** Ends one with SIGKILL and starts another in its place. */
  async kill(index: number): Promise<void> {
    await this.worker(index).end("SIGKILL");
    this.workers[index] = this.start();
  }

  /** Tells one to stop, and starts another in its place. @throws Error when it does not end well */
  async stop(index: number): Promise<void> {
    const worker = await this.ready(index); // before that there is nothing that hears the signal
    const { code, signal } = await worker.end("SIGTERM");
    if (code !== 0) throw new Error(`a worker that was told to stop ended with ${code ?? signal}`);
    this.workers[index] = this.start();
  }

  /** Stops the processor time of one for a while. */
  async pause(index: number, milliseconds: number): Promise<void> {
    const worker = this.worker(index);
    worker.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    worker.signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker[Symbol.asyncDispose]()));
  }

  /** A process at its work. One that fails to start is started again, as whoever looks after processes would. */
  private async ready(index: number): Promise<NodeProcess> {
    for (;;) {
      const worker = this.worker(index);
      const started = worker.output(/"msg":"started"/, 60_000);
      const end = await Promise.race([worker.ended, started.then(() => undefined)]);
      if (end === undefined) return worker;
      started.catch(() => {}); // it has ended instead
      if (end.code !== 1) throw new Error(`a worker ended with ${end.code ?? end.signal}: ${worker.stderr}`);
      this.failedStarts++;
      this.workers[index] = this.start();
    }
  }

  private worker(index: number): NodeProcess {
    return this.workers[index] as NodeProcess; // below size
  }
}
