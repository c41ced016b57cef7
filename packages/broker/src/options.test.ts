import { silentLogger } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { type BrokerOptions, resolveBrokerOptions } from "./options.js";

test("resolveBrokerOptions has nats-server's defaults", () => {
  expect(resolveBrokerOptions()).toMatchObject({
    host: "127.0.0.1",
    port: 0,
    authTimeoutMs: 2_000,
    maxPayloadBytes: 1_048_576,
    maxControlLineBytes: 4_096,
    maxPendingBytes: 67_108_864,
    maxConnections: 65_536,
    pingIntervalMs: 120_000,
    maxPingsOut: 2,
    writeDeadlineMs: 10_000,
    lameDuckDurationMs: 120_000,
  });
});

test("resolveBrokerOptions ignores undefined and freezes the result", () => {
  const given: Record<string, unknown> = { pingIntervalMs: 3_000, serverName: undefined };
  const options = resolveBrokerOptions(given);
  expect(options.pingIntervalMs).toBe(3_000);
  expect(options).not.toHaveProperty("serverName");
  expect(Object.isFrozen(options)).toBe(true);
});

test("resolveBrokerOptions takes JetStream as a boolean, a block, or a store_dir beside it", () => {
  expect(resolveBrokerOptions({ jetstream: false }).jetstream).toBeUndefined();
  expect(resolveBrokerOptions({ jetstream: { enabled: false } }).jetstream).toBeUndefined();
  expect(resolveBrokerOptions({ jetstream: true }).jetstream).toEqual({ enabled: true });
  const storeDir = "/x";
  expect(resolveBrokerOptions({ jetstream: { storeDir } }).jetstream).toEqual({ enabled: true, storeDir });
  expect(resolveBrokerOptions({ jetstream: true, storeDir }).jetstream).toEqual({ enabled: true, storeDir });
});

test("resolveBrokerOptions takes limits of a configuration: -1 is none", () => {
  const { maxConnections, maxSubscriptions } = resolveBrokerOptions({
    maxConnections: -1,
    maxSubscriptions: -1,
  });
  expect(maxConnections).toBe(Number.POSITIVE_INFINITY);
  expect(maxSubscriptions).toBe(0);
});

test("resolveBrokerOptions takes the password by both of its names, and the time to authenticate", () => {
  const options = resolveBrokerOptions({ authorization: { user: "u", pass: "p", timeoutMs: 5_000 } });
  expect(options.authorization).toEqual({ user: "u", password: "p", timeoutMs: 5_000 });
  expect(options.authTimeoutMs).toBe(5_000);
});

test("resolveBrokerOptions traces to the given function unless trace is off, or to the logger", () => {
  const traceLine = () => {};
  expect(resolveBrokerOptions({ traceLine }).traceLine).toBe(traceLine);
  expect(resolveBrokerOptions({ traceLine, trace: false }).traceLine).toBeUndefined();
  const lines: string[] = [];
  const logger = { ...silentLogger, debug: (line: string) => void lines.push(line) };
  resolveBrokerOptions({ trace: true, logger }).traceLine?.("x");
  expect(lines).toEqual(["x"]);
});

test("resolveBrokerOptions tells what has no effect: never silently", () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
  resolveBrokerOptions({ logger, profPort: 1, logFile: "/x" });
  expect(warnings).toEqual(["profPort has no effect yet", "logFile is for the command ganglion-broker only"]);
  expect(() => resolveBrokerOptions({ proxyProtocol: true })).toThrow("proxyProtocol is not supported yet");
  expect(() => resolveBrokerOptions({ proxyProtocol: false })).not.toThrow();
});

test("resolveBrokerOptions refuses what does not exist inside a block", () => {
  const options = {
    authorization: { usr: "me", pass: "p" },
    accounts: [{ name: "A", users: [{ user: "u", pasword: "p" }] }],
    tls: { cert: "x" },
    jetstream: { storedir: "/x" },
  } as unknown as BrokerOptions;
  expect(() => resolveBrokerOptions(options)).toThrow(
    expect.objectContaining({
      details: {
        faults: [
          'unknown option "authorization.usr"',
          'unknown option "accounts[0].users[0].pasword"',
          'unknown option "tls.cert"',
          'unknown option "jetstream.storedir"',
        ],
      },
    }),
  );
});

test("resolveBrokerOptions reports all faults at once", () => {
  const options = {
    port: 70_000,
    maxPayloadBytes: 2_000,
    maxPendingBytes: 1_000,
    serverName: "two words",
    pingIntervalMs: "2s" as unknown as number,
    prot: 1,
  };
  const faults = [
    'unknown option "prot"',
    "port is 70000, must be an integer from -1 to 65535",
    `pingIntervalMs is "2s", must be a number from 0 to ${Number.MAX_SAFE_INTEGER}`,
    'serverName "two words" must be non-empty and without spaces',
    "max_payload (2000) must not be more than max_pending (1000)",
  ];
  expect(() => resolveBrokerOptions(options)).toThrow(
    expect.objectContaining({ code: "INVALID_BROKER_OPTIONS", details: { faults } }),
  );
});
