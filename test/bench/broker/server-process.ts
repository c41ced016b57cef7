import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Clock ticks of the kernel in a second. */
const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Processor time a process has used, in microseconds; NaN where the system does not tell. */
export function cpuMicroseconds(pid: number | undefined): number {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return Number.NaN;
  // The name of the program, in parentheses, may hold blanks; 14th and 15th field are user and system time.
  const fields = readFileSync(file, "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1_000_000;
}

/** Memory of a process that is in use, in MiB; NaN where the system does not tell. */
export function residentMiB(pid: number | undefined): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return Number.NaN;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, "latin1"))?.[1]) / 1024;
}
