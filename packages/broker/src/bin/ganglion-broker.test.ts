import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "nats";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REPORTED_VERSION } from "../version.js";

const BIN = fileURLToPath(new URL("../../bin/ganglion-broker.mjs", import.meta.url));
let directory = "";
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-bin-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

function run(args: readonly string[], bin = BIN) {
  const child = spawn(bin, args, { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (output.out += chunk));
  child.stderr.on("data", (chunk) => (output.err += chunk));
  const closed = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  const ready = new Promise<void>((resolve) => {
    child.stderr.on("data", () => {
      if (output.err.includes("Server is ready")) resolve();
    });
  });
  return { child, output, closed, ready };
}

test("-v prints a first line as nats-server does", async () => {
  const { code, out } = await run(["-v"]).closed;
  expect(code).toBe(0);
  expect(out.split("\n")[0]).toBe(`nats-server: v${REPORTED_VERSION}`);
});

test("an unknown flag exits with 1 and says which", async () => {
  const { code, err } = await run(["--nope"]).closed;
  expect(code).toBe(1);
  expect(err).toContain("flag provided but not defined: -nope");
});

test("a port that is in use exits with 1 and says so", async () => {
  const first = run(["-a", "127.0.0.1", "-p", "-1"]);
  await first.ready;
  const port = /127\.0\.0\.1:(\d+)/.exec(first.output.err)?.[1] ?? "";
  const { code, err } = await run(["-a", "127.0.0.1", "-p", port]).closed;
  expect(code).toBe(1);
  expect(err).toMatch(/\[FTL\] Cannot listen for client connections on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "serves until %s, with ports file and pid file, under the name it was started by",
  async (signal) => {
    const link = join(directory, "nats-server");
    symlinkSync(BIN, link);
    const pidFile = join(directory, "pid");
    const args = [
      "-a",
      "127.0.0.1",
      "-p",
      "-1",
      "-n",
      "here",
      "--ports_file_dir",
      directory,
      "-P",
      pidFile,
      "-m",
      "-1",
    ];
    const { child, closed, ready, output } = run(args, link);
    await ready;
    const portsFile = join(directory, `nats-server_${child.pid}.ports`);
    const ports = JSON.parse(readFileSync(portsFile, "utf8")) as {
      nats: string[];
      monitoring: string[];
    };
    expect(readFileSync(pidFile, "utf8")).toBe(String(child.pid));
    const nc = await connect({ servers: ports.nats, reconnect: false });
    expect(nc.info?.server_name).toBe("here");
    expect(output.err).toMatch(/^\[\d+\] \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] Starting/);
    const health = await fetch(`${ports.monitoring[0]}/healthz`);
    expect(await health.json()).toEqual({ status: "ok" });
    child.kill(signal);
    expect((await closed).code).toBe(0);
    expect(existsSync(portsFile)).toBe(false);
    await nc.closed();
  },
);

test("-DV shows operations and hides secrets; -T=false hides the time", async () => {
  const { child, closed, ready, output } = run([
    "-a",
    "127.0.0.1",
    "-p",
    "-1",
    "-DV",
    "-T=false",
    "--auth",
    "pw",
  ]);
  await ready;
  const port = /127\.0\.0\.1:(\d+)/.exec(output.err)?.[1];
  const nc = await connect({ servers: `127.0.0.1:${port}`, token: "pw" });
  nc.publish("a.subject", "payload");
  await nc.drain();
  child.kill("SIGTERM");
  const { err } = await closed;
  expect(err).toMatch(/^\[\d+\] \[INF\] Starting/);
  expect(err).toMatch(/\[TRC\] 127\.0\.0\.1:\d+ - cid:1 - "v[\d.]+:nats\.js" - <<- \[PUB a\.subject 7\]/);
  expect(err).toContain('<<- MSG_PAYLOAD: ["payload"]');
  expect(err).toContain('"auth_token":"[REDACTED]"');
});

test("-t tells whether a configuration file is valid", async () => {
  const [good, odd, bad] = ["good.conf", "odd.conf", "bad.conf"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(good, "max_payload: 2k");
  writeFileSync(odd, "ping_interval: 3");
  writeFileSync(bad, "port: 4222\n  prot: 1\nmax_payload: x");
  expect(await run(["-t", "-c", good]).closed).toMatchObject({
    code: 0,
    err: `ganglion-broker: configuration file ${good} is valid\n`,
  });
  const warned = await run(["-c", odd, "-t"]).closed;
  expect(warned.code).toBe(1);
  expect(warned.err).toContain(`${odd}:1:1: ping_interval should be a duration: "3s"`);
  const refused = await run(["-t", "--config", bad]).closed;
  expect(refused.code).toBe(1);
  expect(refused.err).toContain(
    `${bad}:2:3: unknown field "prot"\n${bad}:3:1: max_payload must be an integer`,
  );
  expect((await run(["-t"]).closed).err).toContain("must specify [-c, --config] option");
  const missing = await run(["-c", join(directory, "nope.conf")]).closed;
  expect(missing).toMatchObject({
    code: 1,
    err: expect.stringContaining("Cannot read the configuration file"),
  });
});

test("-c reads a configuration file, over which flags win", async () => {
  const file = join(directory, "broker.conf");
  const lines = ["host: 127.0.0.1", "port: 1", "server_name: file", "max_payload: 2k", "ping_interval: 3"];
  writeFileSync(file, [...lines, `ports_file_dir: "${directory}"`].join("\n"));
  const { child, closed, ready, output } = run(["-c", file, "-p", "-1", "-n", "flag"]);
  await ready;
  const { nats } = JSON.parse(
    readFileSync(join(directory, `ganglion-broker_${child.pid}.ports`), "utf8"),
  ) as {
    nats: string[];
  };
  const nc = await connect({ servers: nats });
  expect(nc.info).toMatchObject({ server_name: "flag", max_payload: 2000 });
  await nc.close();
  child.kill("SIGTERM");
  await closed;
  expect(output.err).toContain(`[WRN] ${file}:5:1: ping_interval should be a duration`);
  expect(output.err).toContain(`[INF] Using configuration file: ${file}`);
});

test("-sl sends a signal to the process of a pid file", async () => {
  const [pidFile, logFile] = [join(directory, "pid"), join(directory, "log")];
  const { child, closed } = run(["-a", "127.0.0.1", "-p", "-1", "-P", pidFile, "-l", logFile]);
  await vi.waitFor(() => expect(readFileSync(logFile, "utf8")).toContain("Server is ready"), 5_000);
  expect(await run(["-sl", `reopen=${pidFile}`]).closed).toMatchObject({ code: 0 });
  await vi.waitFor(() => expect(readFileSync(logFile, "utf8")).toContain("File log re-opened"), 5_000);
  expect(await run(["--signal", `term=${child.pid}`]).closed).toMatchObject({ code: 0 });
  expect((await closed).code).toBe(0);
  expect(readFileSync(logFile, "utf8")).toContain("[INF] Server Exiting..");
});

test.each([
  [["-sl", "stop=nofile"], "invalid pid: nofile"],
  [["-sl", "hold=1"], 'unknown signal "hold"'],
  [["-sl", "stop=1=2"], "invalid signal parameters"],
  [["-l", "/no/such/dir/log"], "ENOENT"],
  [["-a", "127.0.0.1", "-p", "-1", "-P", "/no/such/dir/pid"], "ENOENT"],
  [["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", "/no/such/dir"], "ENOENT"],
])("%j exits with 1 and says why", async (args, message) => {
  const { code, err } = await run(args).closed;
  expect(code).toBe(1);
  expect(err).toContain(message);
});

test("the build has bundled the command", async () => {
  const bundle = new URL("../../dist/bundle/ganglion-broker.js", import.meta.url);
  const { main } = (await import(bundle.href)) as { main: unknown };
  expect(main).toBeTypeOf("function");
});
