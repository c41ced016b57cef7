import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseFlags } from "./flags.js";
import { loadSettings } from "./load-settings.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ganglion-settings-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function settings(args: readonly string[], config?: string) {
  const file = join(directory, "broker.conf");
  if (config !== undefined) writeFileSync(file, config);
  return loadSettings(parseFlags(config === undefined ? args : [...args, "-c", file])).options;
}

test("loadSettings has the defaults of a server", () => {
  expect(settings([])).toEqual({ host: "0.0.0.0", port: 4222, jetstream: { enabled: false } });
});

test("loadSettings lets flags win over the file, but for ports of 0 and empty texts", () => {
  const file = 'listen: "127.0.0.1:5000", server_name: file, debug: true, ping_interval: "3s"';
  expect(settings(["-p", "5001", "-n", "flag", "-D=false"], file)).toMatchObject({
    host: "127.0.0.1",
    port: 5001,
    serverName: "flag",
    debug: false,
    pingIntervalMs: 3_000,
  });
  expect(settings(["-p", "0", "-n", ""], file)).toMatchObject({ port: 5000, serverName: "file" });
});

test("loadSettings turns on debug and trace by one flag", () => {
  expect(settings(["-DV"])).toMatchObject({ debug: true, trace: true });
  expect(settings(["-DVV"])).toMatchObject({ debug: true, trace: true, traceVerbose: true });
  expect(settings(["-VV"])).toMatchObject({ trace: true, traceVerbose: true });
  expect(settings(["-DV=false"], "trace: true")).toMatchObject({ debug: false, trace: false });
});

test("loadSettings puts credentials of flags into the authorization of the file", () => {
  const file = 'authorization { user: file, password: secret, timeout: "5s" }';
  expect(settings(["--user", "flag"], file).authorization).toEqual({
    user: "flag",
    password: "secret",
    timeoutMs: 5_000,
  });
  expect(settings(["--auth", "t"]).authorization).toEqual({ token: "t" });
});

test("loadSettings turns JetStream on and off, and finds its directory", () => {
  const file = 'jetstream { store_dir: "/file", max_mem: 1k }';
  expect(settings([], file).jetstream).toEqual({ enabled: true, storeDir: "/file", maxMemoryBytes: 1_000 });
  expect(settings(["-sd", "/flag"], file).jetstream).toMatchObject({
    storeDir: "/flag",
    maxMemoryBytes: 1_000,
  });
  expect(settings(["-js=false"], file).jetstream).toMatchObject({ enabled: false });
  expect(settings(["-js"], 'store_dir: "/top"').jetstream).toEqual({ enabled: true, storeDir: "/top" });
  expect(settings(["-js"]).jetstream).toEqual({ enabled: true, storeDir: join(tmpdir(), "ganglion") });
});

test("loadSettings replaces the tls block by flags, or drops it", () => {
  const file = "tls { cert_file: a, key_file: b, timeout: 3 }";
  expect(settings([], file).tls).toEqual({ certFile: "a", keyFile: "b", timeoutMs: 3_000 });
  expect(settings(["--tls=false"], file)).not.toHaveProperty("tls");
  const flags = ["--tlsverify", "--tlscert", "c", "--tlskey", "k", "--tlscacert", "ca"];
  expect(settings(flags, file).tls).toEqual({ certFile: "c", keyFile: "k", caFile: "ca", verify: true });
  expect(() => settings(["--tls"])).toThrow("TLS needs the server certificate: --tlscert");
  expect(() => settings(["--tls", "--tlscert", "c"])).toThrow("TLS needs the private key");
});

test("loadSettings refuses syslog", () => {
  expect(() => settings([], "syslog: true")).toThrow("syslog is not supported");
  expect(() => settings([], 'remote_syslog: "udp://x:1"')).toThrow("syslog is not supported");
});
