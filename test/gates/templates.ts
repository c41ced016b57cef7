import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const SCRIPT_TIMEOUT_MS = 120_000;

/** Copies a template out of the repository, as `ganglion new` does, and runs its scripts with our packages. */
function checkTemplate(template: string): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "ganglion-template-"));
  try {
    cpSync(template, directory, { recursive: true });
    symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
    return runScript(directory, "build") ?? runScript(directory, "test");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function runScript(cwd: string, script: string): string | undefined {
  const result = spawnSync("npm", ["run", script], {
    cwd,
    encoding: "utf8",
    timeout: SCRIPT_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  if (result.status === 0) return undefined;
  const end = result.error?.message ?? `exit code ${result.status}`;
  return `npm run ${script}: ${end}\n${result.stdout}${result.stderr}`;
}

const names = existsSync("templates") ? readdirSync("templates") : [];
let faults = 0;
for (const name of names) {
  const fault = checkTemplate(join("templates", name));
  console.log(`templates/${name}: ${fault ?? "ok"}`);
  if (fault !== undefined) faults += 1;
}
console.log(`${names.length} templates, ${faults} failed`);
process.exitCode = faults === 0 ? 0 : 1;
