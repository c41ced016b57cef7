import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type TempDirectory, tempDirectory } from "../temp-directory.js";
import type { ResolvedTestBrokerOptions, RestartOptions, TestBroker } from "../test-broker.js";
import { type ServerProcess, startServerProcess } from "./server-process.js";

/** An executable that takes nats-server's flags. */
interface ServerProgram {
  readonly kind: "nats-server" | "broker-process";
  readonly file: string;
  /** Arguments before the flags. */
  readonly args: readonly string[];
}

/** The executable of `@ganglion/broker`, beside its package.json. */
const BROKER_BIN = fromBrokerPackage("../bin/ganglion-broker.mjs");

/** The built module behind the executable. */
export const BROKER_PROGRAM = fromBrokerPackage("../dist/bin/ganglion-broker.js");

/** @param path - from the directory of the package's entry point. */
function fromBrokerPackage(path: string): string {
  return fileURLToPath(new URL(path, import.meta.resolve("@ganglion/broker")));
}

/** Starts the `nats-server` of the PATH. */
export function startNatsServer(options: ResolvedTestBrokerOptions): Promise<TestBroker> {
  return ProcessBroker.start({ kind: "nats-server", file: "nats-server", args: [] }, options);
}

/** Starts the built executable of `@ganglion/broker`. */
export function startBrokerProcess(options: ResolvedTestBrokerOptions): Promise<TestBroker> {
  return ProcessBroker.start({ kind: "broker-process", file: process.execPath, args: [BROKER_BIN] }, options);
}

/** Everything that stays the same when the process is started again. */
interface ServerSetup {
  readonly program: ServerProgram;
  readonly flags: readonly string[];
  /** Holds the ports file, the configuration and, unless the caller named another place, the store. */
  readonly directory: TempDirectory;
}

class ProcessBroker implements TestBroker {
  readonly kind: ServerProgram["kind"];
  readonly url: string;
  private server: ServerProcess | undefined;

  private constructor(
    private readonly setup: ServerSetup,
    server: ServerProcess,
    readonly storeDir: string,
  ) {
    this.kind = setup.program.kind;
    this.url = server.url;
    this.server = server;
  }

  static async start(program: ServerProgram, options: ResolvedTestBrokerOptions): Promise<ProcessBroker> {
    const directory = await tempDirectory(`ganglion-${program.kind}-`);
    try {
      const storeDir = options.storeDir ?? join(directory.path, "store");
      const flags = await serverFlags(directory.path, storeDir, options);
      const setup = { program, flags, directory };
      return new ProcessBroker(setup, await run(setup, "-1"), storeDir);
    } catch (error) {
      await directory.remove();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.server?.pid;
  }

  get servers(): readonly string[] {
    return [this.url];
  }

  get monitoringUrl(): string | undefined {
    return this.server?.monitoringUrl;
  }

  get websocketUrl(): string | undefined {
    return this.server?.websocketUrl;
  }

  async restart(options: RestartOptions = {}): Promise<void> {
    await this.end(options.signal ?? "SIGTERM");
    this.server = await run(this.setup, new URL(this.url).port);
  }

  kill(): Promise<void> {
    return this.end("SIGKILL");
  }

  async close(): Promise<void> {
    await this.end("SIGTERM");
    await this.setup.directory.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const server = this.server;
    this.server = undefined;
    await server?.end(signal);
  }
}

async function serverFlags(
  directory: string,
  storeDir: string,
  options: ResolvedTestBrokerOptions,
): Promise<readonly string[]> {
  const flags = ["-a", "127.0.0.1", "--ports_file_dir", directory];
  if (options.jetstream) flags.push("-js", "-sd", storeDir);
  if (options.config !== undefined) {
    const file = join(directory, "server.conf");
    await writeFile(file, options.config);
    flags.push("-c", file);
  }
  return flags;
}

function run({ program, flags, directory }: ServerSetup, port: string): Promise<ServerProcess> {
  return startServerProcess({
    name: program.kind,
    file: program.file,
    args: [...program.args, ...flags, "-p", port],
    portsDir: directory.path,
  });
}
