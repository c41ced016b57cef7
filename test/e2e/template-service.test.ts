import { execFile } from "node:child_process";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startTestBroker, tempDirectory } from "@ganglion/testing";
import { connect } from "nats";
import { expect, it } from "vitest";
import { NodeProcess } from "../support/node-process.js";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The template's packages and what they depend on. */
const PACKAGES = ["kernel", "protocol", "store", "broker", "core", "testing"];
const TIMEOUT_MS = 180_000;

it(
  "templates/service installs from packed packages outside of the repository, builds, passes its tests and runs",
  async () => {
    await using directory = await tempDirectory("ganglion-template-");
    const service = join(directory.path, "service");
    const npm = (cwd: string, ...args: readonly string[]) =>
      run("npm", [...args, "--no-audit", "--no-fund"], {
        cwd,
        env: { ...process.env, CI: "true", NO_COLOR: "1", FORCE_COLOR: "0" },
      });

    const workspaces = PACKAGES.flatMap((name) => ["-w", `packages/${name}`]);
    await npm(ROOT, "pack", ...workspaces, "--pack-destination", directory.path);
    await cp(join(ROOT, "templates/service"), service, { recursive: true });
    const tarballs = (await readdir(directory.path)).filter((file) => file.endsWith(".tgz"));
    expect(tarballs).toHaveLength(PACKAGES.length);
    await npm(service, "install", "--prefer-offline", ...tarballs.map((file) => `../${file}`));
    await npm(service, "run", "build");
    const { stdout } = await npm(service, "test");
    expect(stdout).toMatch(/Tests +2 passed/);

    await using broker = await startTestBroker();
    await using started = NodeProcess.start(join(service, "dist/main.js"), [], { NATS_URL: broker.url });
    await started.output(/started/);
    const connection = await connect({ servers: broker.url });
    const reply = await connection.request("greetings.greet", '{"name":"Ada"}');
    expect(reply.json()).toEqual({ message: "Hello, Ada!" });
    await started.output(/"name":"Ada"/);
    await connection.close();
    expect(await started.end("SIGTERM")).toEqual({ code: 0, signal: null });
  },
  TIMEOUT_MS,
);
