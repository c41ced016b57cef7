import { existsSync } from "node:fs";
import { silentLogger, VirtualClock } from "@ganglion/kernel";
import { connect } from "nats";
import { expect, onTestFinished, test } from "vitest";
import { startBroker, type ThreadBrokerOptions } from "../broker.js";
import type { BrokerOptions } from "../options.js";

test("the thread's module is built; it does not run from source", () => {
  expect(existsSync(new URL("../../dist/thread/broker-worker.js", import.meta.url))).toBe(true);
});

async function start(options: Omit<BrokerOptions, "hooks" | "clock"> = {}) {
  const broker = await startBroker({ ...options, thread: true });
  onTestFinished(() => broker.close());
  return broker;
}

test("serves clients, with events, statistics, logs, traces and reload from the other thread", async () => {
  const logged: string[] = [];
  const traced: string[] = [];
  const logger = { ...silentLogger, info: (line: string) => void logged.push(line) };
  const broker = await start({
    serverName: "threaded",
    httpPort: -1,
    jetstream: true,
    logger,
    traceLine: (line) => traced.push(line),
  });
  const seen: string[] = [];
  broker.on("client", ({ client }) => seen.push(`client ${client.name}`));
  broker.on("disconnect", ({ client, reason }) => seen.push(`disconnect ${client.name} ${reason}`));
  broker.on("reload", ({ changed }) => seen.push(`reload ${changed}`));
  const connection = await connect({ servers: broker.url, name: "app" });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: "S", subjects: ["s"] });
  expect((await connection.jetstream().publish("s")).seq).toBe(1);
  expect(await broker.statistics()).toMatchObject({ connections: 1, totalConnections: 1 });
  expect(broker.serverName).toBe("threaded");
  expect((await fetch(`${broker.monitoringUrl}/healthz`)).status).toBe(200);
  const same = { serverName: "threaded", httpPort: -1, jetstream: true };
  await broker.reload({ ...same, maxPayloadBytes: 2_000 });
  await expect(broker.reload({ ...same, serverName: "other" })).rejects.toMatchObject({
    code: "RELOAD_REFUSED",
    details: { refused: [expect.stringContaining("server_name")] },
  });
  await connection.close();
  await expect
    .poll(() => seen)
    // A client that closes while something is on its way to it resets the connection.
    .toEqual([
      "client app",
      "reload maxPayloadBytes",
      expect.stringMatching(/^disconnect app (Client Closed|Read Error)$/),
    ]);
  expect(logged).toContain(`Listening for client connections on 127.0.0.1:${broker.port}`);
  expect(traced.some((line) => line.includes("<<- [PING]"))).toBe(true);
  await Promise.all([broker.close(), broker.close()]);
  await expect(broker.statistics()).rejects.toMatchObject({ code: "BROKER_THREAD_FAILED" });
  await expect(connect({ servers: broker.url, reconnect: false })).rejects.toThrow();
});

test("goes on serving while this thread is busy", async () => {
  const broker = await start({ httpPort: -1 });
  const before = await broker.statistics();
  const until = performance.now() + 300;
  while (performance.now() < until) Math.random(); // nothing else runs in this thread
  expect((await broker.statistics()).totalConnections).toBe(before.totalConnections);
});

test("fails to start as a broker in this thread does", async () => {
  const first = await start();
  await expect(startBroker({ port: first.port, thread: true })).rejects.toMatchObject({
    code: "LISTEN_FAILED",
    retryable: true,
    details: { port: first.port },
  });
  await expect(startBroker({ port: 70_000, thread: true })).rejects.toMatchObject({
    code: "INVALID_BROKER_OPTIONS",
  });
});

test.each<[string, BrokerOptions]>([
  ["hooks", { hooks: { authorizePublish: () => true } }],
  ["clock", { clock: new VirtualClock() }],
])("refuses %s, which cannot cross", async (name, options) => {
  await expect(startBroker({ ...options, thread: true } as ThreadBrokerOptions)).rejects.toThrow(
    `${name} cannot be used with thread: true`,
  );
});
