import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { brokerError } from "../errors.js";

/** Name of the process, by which it is found. At most 15 characters: the system keeps no more. */
export const PROCESS_NAME = "ganglion-broker";

/** Source: nats-server signal.go `CommandToSignal`. */
const SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ["stop", "SIGKILL"],
  ["quit", "SIGINT"],
  ["term", "SIGTERM"],
  ["reopen", "SIGUSR1"],
  ["ldm", "SIGUSR2"],
  ["reload", "SIGHUP"],
]);

/**
 * Sends a signal to a running broker.
 *
 * @param command - `signal`, `signal=pid` or `signal=path of a pid file`; without a pid the only broker that runs is
 *   meant, and a pid that ends in `*` stands for all that begin like it.
 * @throws GanglionError `INVALID_FLAGS` when there is no such signal or process.
 * Source: nats-server signal.go `ProcessSignal`.
 */
export function sendSignal(command: string): void {
  const [word = "", target = "", ...more] = command.split("=");
  if (more.length > 0) throw failure(`invalid signal parameters: ${more.join("=")}`);
  const signal = SIGNALS.get(word);
  if (signal === undefined)
    throw failure(`unknown signal "${word}": use one of ${[...SIGNALS.keys()].join(", ")}`);
  for (const pid of processesOf(pidText(target))) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      throw failure(`signal "${word}" ${pid}: ${(error as Error).message}`);
    }
  }
}

function pidText(target: string): string {
  try {
    return target === "" ? "" : readFileSync(target, "utf8").trim();
  } catch {
    return target; // the pid itself
  }
}

function processesOf(text: string): readonly number[] {
  const [, prefix = "", star = ""] = /^(\d*)(\*?)$/.exec(text) ?? [undefined, undefined];
  if (text !== "" && prefix === "" && star === "") throw failure(`invalid pid: ${text}`);
  if (prefix !== "" && star === "") return [Number(prefix)];
  const running = runningBrokers().filter((pid) => String(pid).startsWith(prefix));
  if (running.length === 0) throw failure(`no ${PROCESS_NAME} processes running`);
  if (running.length > 1 && star === "")
    throw failure(`multiple ${PROCESS_NAME} processes running:\n${running.join("\n")}`);
  return running;
}

function runningBrokers(): readonly number[] {
  try {
    const pids = execFileSync("pgrep", ["-x", PROCESS_NAME], { encoding: "utf8" });
    return pids
      .split("\n")
      .filter(Boolean)
      .map(Number)
      .filter((pid) => pid !== process.pid);
  } catch (error) {
    if ((error as { status?: number }).status === 1) return []; // none found
    throw failure("unable to find the process, try giving its pid");
  }
}

function failure(message: string) {
  return brokerError("INVALID_FLAGS", message);
}
