import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { RateReport, WorkerJob, WorkerReport } from "./worker-job.js";

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

/** A process that puts load on a server. */
export class LoadProcess implements Disposable {
  private readonly reports: WorkerReport[] = [];
  private changed: () => void = () => {};
  private failure: string | undefined;

  private constructor(private readonly child: ChildProcess) {
    child.on("message", (report: WorkerReport) => {
      this.reports.push(report);
      this.changed();
    });
    child.on("exit", (code, signal) => {
      this.failure = `A load process ended with ${code ?? signal}`;
      this.changed();
    });
  }

  /** Starts a process and waits until its connection is set up. */
  static async start(job: WorkerJob): Promise<LoadProcess> {
    const load = new LoadProcess(fork(WORKER));
    load.child.send(job);
    await load.next("ready");
    return load;
  }

  /** Waits until it begins to measure. */
  async started(): Promise<void> {
    await this.next("started");
  }

  /** What it has measured. */
  rate(): Promise<RateReport> {
    return this.next("rate");
  }

  [Symbol.dispose](): void {
    this.child.removeAllListeners("exit");
    this.child.kill("SIGKILL");
  }

  private async next<K extends WorkerReport["kind"]>(kind: K): Promise<WorkerReport & { kind: K }> {
    for (;;) {
      const report = this.reports.shift();
      if (report?.kind === kind) return report as WorkerReport & { kind: K };
      if (this.failure !== undefined) throw new Error(this.failure);
      if (report === undefined) {
        await new Promise<void>((resolve) => {
          this.changed = resolve;
        });
      }
    }
  }
}
