import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { testingError } from "../errors.js";
import { waitFor } from "../wait-for.js";

/** How to start a server with nats-server's command line. */
export interface ServerCommand {
  /** For error messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** The directory given with `--ports_file_dir`. */
  readonly portsDir: string;
}

/** A running server process. */
export interface ServerProcess {
  readonly pid: number;
  /** The client address from its ports file. */
  readonly url: string;
  readonly monitoringUrl: string | undefined;
  readonly websocketUrl: string | undefined;
  /** Sends `signal` and returns when the process is gone; after 10 s it is killed. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const READY_TIMEOUT_MS = 10_000;
const END_TIMEOUT_MS = 10_000;
const LOG_TAIL_CHARS = 8_192;

/** Processes to end when the test process exits before it closed them. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Spawns a server and waits for its ports file `<dir>/<name>_<pid>.ports`, which it writes when it listens.
 *
 * @throws GanglionError `TEST_BROKER_UNAVAILABLE` when the file cannot be executed,
 *   `TEST_BROKER_START_FAILED` with the end of its log when it exits or does not get ready.
 */
export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const child = spawn(command.file, command.args, { stdio: ["ignore", "ignore", "pipe"] });
  const log = tail(child);
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await spawned(child, command);
  running.add(child);
  void exited.then(() => running.delete(child));
  const pid = Number(child.pid); // set, since the spawn event has fired
  const end = (signal: "SIGTERM" | "SIGKILL") => endProcess(child, exited, signal);
  try {
    return { pid, ...(await readyAddresses(child, command.portsDir)), end };
  } catch (cause) {
    await end("SIGKILL");
    throw testingError("TEST_BROKER_START_FAILED", `${command.name} did not get ready:\n${log()}`, { cause });
  }
}

async function spawned(child: ChildProcess, { name, file }: ServerCommand): Promise<void> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw testingError("TEST_BROKER_UNAVAILABLE", `${name} cannot be executed: ${file}`, {
      cause,
      details: { file },
    });
  }
}

/** Keeps the last characters of the process's log for error messages. */
function tail(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-LOG_TAIL_CHARS);
  });
  return () => text;
}

function readyAddresses(child: ChildProcess, portsDir: string): Promise<Addresses> {
  const exit = new AbortController();
  child.once("exit", (code, signal) =>
    exit.abort(testingError("TEST_BROKER_START_FAILED", `it exited with ${code ?? signal}`)),
  );
  return waitFor(() => addresses(portsDir, child.pid), {
    timeoutMs: READY_TIMEOUT_MS,
    intervalMs: 5,
    what: "the ports file",
    signal: exit.signal,
  });
}

type Addresses = Pick<ServerProcess, "url" | "monitoringUrl" | "websocketUrl">;

/** The file may be seen half written; the JSON error then counts as "not yet". */
async function addresses(portsDir: string, pid: number | undefined): Promise<Addresses | undefined> {
  const name = (await readdir(portsDir)).find((entry) => entry.endsWith(`_${pid}.ports`));
  if (name === undefined) return undefined;
  const ports = JSON.parse(await readFile(join(portsDir, name), "utf8")) as PortsFile;
  const url = ports.nats?.[0];
  return url === undefined
    ? undefined
    : { url, monitoringUrl: ports.monitoring?.[0], websocketUrl: ports.websocket?.[0] };
}

/** Source: nats-server server.go `Ports`. */
interface PortsFile {
  readonly nats?: readonly string[];
  readonly monitoring?: readonly string[];
  readonly websocket?: readonly string[];
}

async function endProcess(child: ChildProcess, exited: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const overdue = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
  await exited;
  clearTimeout(overdue);
}
