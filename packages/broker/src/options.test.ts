import { expect, test } from "vitest";
import { resolveBrokerOptions } from "./options.js";

test("resolveBrokerOptions has nats-server's defaults", () => {
  expect(resolveBrokerOptions()).toMatchObject({
    host: "127.0.0.1",
    port: 0,
    jetstream: undefined,
    authTimeoutMs: 2_000,
    maxPayloadBytes: 1_048_576,
    maxControlLineBytes: 4_096,
    maxPendingBytes: 67_108_864,
    maxConnections: 65_536,
    pingIntervalMs: 120_000,
    maxPingsOut: 2,
    writeDeadlineMs: 10_000,
  });
});

test("resolveBrokerOptions takes durations, ignores undefined and freezes the result", () => {
  const given: Record<string, unknown> = { pingInterval: "3s", serverName: undefined, jetstream: true };
  const options = resolveBrokerOptions(given);
  expect(options).toMatchObject({ pingIntervalMs: 3_000, serverName: undefined, jetstream: {} });
  expect(Object.isFrozen(options)).toBe(true);
  expect(resolveBrokerOptions({ jetstream: { storeDir: "/x" } }).jetstream).toEqual({ storeDir: "/x" });
});

test("resolveBrokerOptions reports all faults at once", () => {
  const options = {
    port: 70_000,
    maxPayloadBytes: 2_000,
    maxPendingBytes: 1_000,
    serverName: "two words",
    pingInterval: "soon" as "1s",
    prot: 1,
  };
  const faults = [
    'unknown option "prot"',
    "port is 70000, must be an integer from -1 to 65535",
    "maxPendingBytes 1000 is less than maxPayloadBytes 2000",
    'serverName "two words" must be non-empty and without spaces',
    expect.stringContaining('Invalid pingInterval "soon"'),
  ];
  expect(() => resolveBrokerOptions(options)).toThrow(
    expect.objectContaining({ code: "INVALID_BROKER_OPTIONS", details: { faults } }),
  );
});
