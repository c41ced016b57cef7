#!/usr/bin/env node
import { constants } from "node:os";
import { parseOptions } from "./options.js";
import { Report } from "./report.js";

const parsed = parseOptions(process.argv.slice(2));
if ("exitCode" in parsed) {
  (parsed.exitCode === 0 ? process.stdout : process.stderr).write(parsed.text);
  process.exitCode = parsed.exitCode;
} else {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // A second signal ends the process at once.
    process.once(signal, () => stop.abort(signal));
  }
  try {
    const { run } = await import("./run.js"); // takes a moment, which --help need not wait for
    await run(parsed.options, { report: new Report(process.stdout), stop: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exitCode = stop.signal.aborted ? 128 + constants.signals[stop.signal.reason as "SIGINT"] : 1;
  }
}
