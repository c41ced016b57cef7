import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../.ci/run", import.meta.url));

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-ci-"));
  mkdirSync(join(directory, "bin"));
  cpSync(SCRIPT, join(directory, ".ci/run"));
  for (const tool of ["bash", "dirname", "id"]) symlinkSync(which(tool), join(directory, "bin", tool));
  command("node", `exec ${process.execPath} "$@"`);
  command("npm", 'echo "npm $*"');
  command("nats-server", "true");
  command("strace", "true");
});
afterEach(() => rmSync(directory, { recursive: true }));

function which(tool: string): string {
  return spawnSync("which", [tool], { encoding: "utf8" }).stdout.trim();
}

/** A program of the machine the script runs on; it finds no others. */
function command(name: string, body: string): void {
  const path = join(directory, "bin", name);
  writeFileSync(path, `#!/bin/bash\n${body}\n`);
  chmodSync(path, 0o755);
}

function run() {
  const env = { PATH: join(directory, "bin") };
  const result = spawnSync(join(directory, ".ci/run"), { env, cwd: "/", encoding: "utf8" });
  return { status: result.status, lines: result.stdout.trimEnd().split("\n"), stderr: result.stderr };
}

const NOTHING_RAN = "0 passed, 1 failed";

it(".ci/run installs locked dependencies and ends with what verify says", () => {
  command("npm", 'echo "npm $* with CI=$CI"; [ "$1" = ci ] || echo "7 passed, 0 failed"');
  expect(run()).toEqual({
    status: 0,
    lines: [
      "npm ci --no-audit --no-fund with CI=true",
      "npm run --silent verify with CI=true",
      "7 passed, 0 failed",
    ],
    stderr: "",
  });
});

it(".ci/run fails when verify fails", () => {
  command("npm", '[ "$1" = ci ] || { echo "6 passed, 1 failed"; exit 1; }');
  expect(run()).toMatchObject({ status: 1, lines: ["6 passed, 1 failed"] });
});

it(".ci/run fails with its last line when dependencies do not install", () => {
  command("npm", "exit 1");
  expect(run()).toMatchObject({ status: 1, lines: [NOTHING_RAN], stderr: "npm ci failed\n" });
});

it(".ci/run refuses an older Node", () => {
  command("node", '[ "$1" = --version ] && echo v20.18.0; exit 1');
  const result = run();
  expect(result).toMatchObject({ status: 1, lines: [NOTHING_RAN] });
  expect(result.stderr).toBe("Node 20.19 or newer is needed; this is v20.18.0\n");
});

it(".ci/run installs missing tools with apt-get, and says when it cannot", () => {
  rmSync(join(directory, "bin/nats-server"));
  rmSync(join(directory, "bin/strace"));
  expect(run()).toMatchObject({
    status: 1,
    lines: [NOTHING_RAN],
    stderr: "Install nats-server strace: apt-get is not here to do it\n",
  });
  command("sudo", 'shift; exec "$@"');
  command("apt-get", '[ "$1" = update ]');
  expect(run()).toMatchObject({
    status: 1,
    lines: [NOTHING_RAN],
    stderr: "apt-get could not install nats-server strace\n",
  });
  command("apt-get", 'echo "apt-get $*"');
  expect(run()).toMatchObject({
    status: 0,
    lines: [
      "apt-get update -qq",
      "apt-get install -qq -y --no-install-recommends nats-server strace",
      "npm ci --no-audit --no-fund",
      "npm run --silent verify",
    ],
  });
});
