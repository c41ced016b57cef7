import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { ClientJob, ClientReport } from "./job.js";

/** A child process that is ended with its scope. */
export class BenchProcess implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  /** @param args - handed to the script. */
  static start(script: string, args: readonly string[] = []): BenchProcess {
    return new BenchProcess(fork(script, [...args], { stdio: ["ignore", "ignore", "inherit", "ipc"] }));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Resolves when the script says that it is ready. */
  async ready(): Promise<void> {
    await this.message();
  }

  /** Runs a job and returns what it measured. */
  async run(job: ClientJob): Promise<ClientReport> {
    this.child.send(job);
    const { report, error } = await this.message();
    if (report === undefined) throw new Error(`A load process failed: ${error}`);
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exit;
  }

  private message(): Promise<{ readonly report?: ClientReport; readonly error?: string }> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) =>
        reject(new Error(`${this.child.spawnargs.at(-1)} ended with ${code}`));
      this.child.once("exit", onExit);
      this.child.once("message", (message) => {
        this.child.off("exit", onExit);
        resolve(message as { report?: ClientReport; error?: string });
      });
    });
  }
}
