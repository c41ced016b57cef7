import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "@ganglion/testing";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** How a child process ended. */
export interface ProcessEnd {
  /** Exit status; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Node program of this repository running as a process of its own. It is killed when disposed of. */
export class NodeProcess implements AsyncDisposable {
  stdout = "";
  stderr = "";
  readonly ended: Promise<ProcessEnd>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.ended.catch(() => {}); // reported to whoever waits for it
  }

  /** @param script - absolute, or from the repository's root. */
  static start(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): NodeProcess {
    const loader = script.endsWith(".ts") ? ["--import", "tsx"] : [];
    return new NodeProcess(
      spawn(process.execPath, [...loader, resolve(ROOT, script), ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env },
      }),
    );
  }

  /** Waits until what it wrote to stdout matches. */
  async output(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    return await waitFor(() => pattern.exec(this.stdout) ?? this.failIfEnded(), {
      timeoutMs,
      what: `${pattern} in what it wrote`,
    });
  }

  /** Sends a signal. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<ProcessEnd> {
    this.child.kill(signal);
    return await this.ended;
  }

  /** The last line of stdout as JSON, once the process has ended well. */
  async lastLine<T>(): Promise<T> {
    const { code, signal } = await this.ended;
    if (code !== 0) throw new Error(`ended with ${code ?? signal}:\n${this.stdout}\n${this.stderr}`);
    return JSON.parse(this.stdout.trimEnd().split("\n").at(-1) ?? "") as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end("SIGKILL");
  }

  private failIfEnded(): undefined {
    const { exitCode } = this.child;
    if (exitCode !== null) throw new Error(`ended with ${exitCode}:\n${this.stdout}\n${this.stderr}`);
  }
}
