import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SMOKE_TIMEOUT_MS = 60_000;

/** Runs the script `smoke` of an example: it starts the example, uses it, stops it and tells by its exit code. */
function checkExample(directory: string): string | undefined {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    scripts?: Record<string, string>;
  };
  if (manifest.scripts?.smoke === undefined) return "it has no script smoke";
  const result = spawnSync("npm", ["run", "smoke"], {
    cwd: directory,
    encoding: "utf8",
    timeout: SMOKE_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  if (result.status === 0) return undefined;
  const end = result.error?.message ?? `exit code ${result.status}`;
  return `npm run smoke: ${end}\n${result.stdout}${result.stderr}`;
}

const names = existsSync("examples")
  ? readdirSync("examples").filter((name) => existsSync(join("examples", name, "package.json")))
  : [];
let faults = 0;
for (const name of names) {
  const fault = checkExample(join("examples", name));
  console.log(`examples/${name}: ${fault ?? "ok"}`);
  if (fault !== undefined) faults += 1;
}
console.log(`${names.length} examples, ${faults} failed`);
process.exitCode = faults === 0 ? 0 : 1;
