import { silentLogger, VirtualClock } from "@ganglion/kernel";
import { expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../../test/support/raw-client.js";
import { type Broker, startBroker } from "../broker.js";
import type { BrokerOptions } from "../options.js";
import type { BrokerEventName } from "./broker-events.js";
import { reportingLogger } from "./reporting-logger.js";

const ALL: readonly BrokerEventName[] = [
  "client",
  "disconnect",
  "authFailure",
  "slowConsumer",
  "lameDuck",
  "reload",
  "error",
];

async function start(options: BrokerOptions = {}) {
  const broker = await startBroker(options);
  onTestFinished(() => broker.close());
  const seen: [BrokerEventName, Record<string, unknown>][] = [];
  for (const name of ALL) broker.on(name, (event) => seen.push([name, { ...event }]));
  return { broker, seen };
}

async function open(broker: Broker, connect: string): Promise<RawClient> {
  const client = await RawClient.open(broker.url);
  onTestFinished(() => client.close());
  client.send(`CONNECT ${connect}\r\nPING\r\n`);
  await client.until(/PONG|-ERR/);
  return client;
}

test("tells of clients that come, go, and are turned away", async () => {
  const { broker, seen } = await start({ authorization: { user: "ann", pass: "secret" } });
  const ann = await open(broker, '{"user":"ann","pass":"secret","name":"shop","lang":"x","version":"1"}');
  expect(seen).toEqual([
    [
      "client",
      {
        client: {
          id: 1,
          name: "shop",
          user: "ann",
          account: "$G",
          host: "127.0.0.1",
          port: expect.any(Number),
          type: "nats",
          lang: "x",
          version: "1",
        },
      },
    ],
  ]);
  await open(broker, '{"user":"ann","pass":"wrong"}');
  expect(seen[1]).toMatchObject([
    "authFailure",
    { client: { id: 2, user: "ann" }, reason: "Authentication Failure" },
  ]);
  ann.close();
  await expect
    .poll(() => seen.slice(2))
    .toMatchObject([["disconnect", { client: { id: 1, name: "shop" }, reason: "Client Closed" }]]);
});

test("tells of clients that never say who they are", async () => {
  const clock = new VirtualClock();
  const { broker, seen } = await start({ clock, authorization: { token: "t", timeoutMs: 100 } });
  broker.connectInProcess().resume();
  await clock.advanceAsync(200);
  expect(seen).toMatchObject([
    ["authFailure", { client: { host: "pipe" }, reason: "Authentication Timeout" }],
  ]);
});

test("tells of slow consumers before they are gone", async () => {
  const { broker, seen } = await start({ maxPendingBytes: 1_048_576 });
  const slow = broker.connectInProcess();
  slow.write('CONNECT {"name":"slow"}\r\nSUB a 1\r\n');
  await expect.poll(() => seen.length).toBe(1);
  const fast = await open(broker, '{"verbose":false}');
  for (let i = 0; i < 4; i++) fast.send(`PUB a 500000\r\n${"x".repeat(500_000)}\r\n`);
  await expect.poll(() => seen.map(([name]) => name)).toContain("slowConsumer");
  const [slowConsumer, disconnect] = seen.filter(
    ([name]) => name === "slowConsumer" || name === "disconnect",
  );
  expect(slowConsumer?.[1]).toMatchObject({
    client: { name: "slow" },
    reason: "Slow Consumer (Pending Bytes)",
  });
  expect(slowConsumer?.[1].pendingBytes).toBeGreaterThan(1_000_000);
  expect(disconnect).toMatchObject(["disconnect", { client: { name: "slow" } }]);
});

test("tells of reloads and of lame duck mode", async () => {
  const { broker, seen } = await start();
  await broker.reload({ maxPayloadBytes: 1000 });
  expect(seen).toEqual([["reload", { changed: ["maxPayloadBytes"] }]]);
  await expect(broker.reload({ serverName: "other" })).rejects.toMatchObject({ code: "RELOAD_REFUSED" });
  await broker.lameDuck();
  expect(seen.slice(1)).toEqual([["lameDuck", {}]]);
});

test("a listener that throws disturbs nobody, and one that left hears nothing", async () => {
  const { broker, seen } = await start();
  let count = 0;
  const listener = () => {
    count++;
    throw new Error("listener");
  };
  const stop = broker.on("client", listener);
  broker.on("client", listener);
  await open(broker, "{}");
  expect([count, seen.length]).toEqual([2, 1]);
  stop();
  stop();
  await open(broker, "{}");
  expect([count, seen.length]).toEqual([3, 2]);
});

test("reportingLogger reports errors that carry an exception, also those of its children", () => {
  const reported: unknown[] = [];
  const logger = reportingLogger(silentLogger, (failure) => reported.push(failure));
  const error = new Error("disk");
  logger.error("plain");
  logger.warn("warning", { error });
  logger.child({ account: "A" }).error("a write failed", { error });
  expect(reported).toEqual([{ message: "a write failed", error }]);
});
