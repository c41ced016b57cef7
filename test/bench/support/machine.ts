import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** What a figure was measured on; figures without it mean nothing. */
export interface MachineFacts {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  /** Load of the last minute before the run: other work on the machine spoils figures. */
  readonly load: number;
  readonly node: string;
  /** First line of `nats-server -v`, or `not installed`. */
  readonly natsServer: string;
  /** Version of the `nats` client library. */
  readonly natsClient: string;
}

/** Describes this machine and the versions in use. */
export function machineFacts(): MachineFacts {
  const { version } = createRequire(import.meta.url)("nats/package.json") as { version: string };
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.version,
    natsServer: natsServerVersion(),
    natsClient: `nats ${version}`,
  };
}

function natsServerVersion(): string {
  const result = spawnSync("nats-server", ["-v"], { encoding: "utf8" });
  return result.stdout?.trim() || "not installed";
}

/** The facts in three lines, for the head of a report. */
export function formatMachine(facts: MachineFacts): string {
  return [
    `${facts.date}  ${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB, ${facts.system}`,
    `node ${facts.node}, ${facts.natsServer}, client ${facts.natsClient}`,
    `load before the run ${facts.load}`,
  ].join("\n");
}
