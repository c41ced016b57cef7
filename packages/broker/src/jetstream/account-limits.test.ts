import { VirtualClock } from "@ganglion/kernel";
import { openMemoryStorage } from "@ganglion/store";
import { describe, expect, it } from "vitest";
import { Account } from "../accounts/account.js";
import type { AccountBus } from "./account-bus.js";
import { NO_ACCOUNT_LIMITS } from "./account-limits.js";
import { startJetStream } from "./jetstream.js";
import { JetStreamFixture } from "./jetstream-fixture.js";

async function ask(bus: AccountBus, verb: string, body: object = {}): Promise<Record<string, unknown>> {
  const answer = new Promise<string>((resolve) => {
    const stop = bus.subscribe(`reply.${verb}`, ({ data }) => {
      resolve(Buffer.from(data).toString());
      queueMicrotask(() => stop());
    });
  });
  const data = Buffer.from(JSON.stringify(body));
  bus.publish({ subject: `$JS.API.${verb}`, reply: `reply.${verb}`, headerSizeBytes: 0, data });
  return JSON.parse(await answer) as Record<string, unknown>;
}

const refused = (code: number) => ({ error: { err_code: code } });

describe("limits of an account", () => {
  it("are told by tier, hold for its streams, and may change", async () => {
    const clock = new VirtualClock();
    const { bus } = new Account("A");
    const jetstream = startJetStream({ clock, memoryStorage: openMemoryStorage({ clock }) });
    const limits = { ...NO_ACCOUNT_LIMITS, max_streams: 1, max_memory: 1000 };
    await jetstream.enable(bus, limits, "R1");
    const stream = (name: string, fields: object = {}) =>
      ask(bus, `STREAM.CREATE.${name}`, { name, storage: "memory", ...fields });
    await stream("ONE", { max_bytes: 600 });
    expect(await ask(bus, "INFO")).toMatchObject({
      streams: 1,
      reserved_memory: 600,
      limits: { max_streams: 0 },
      tiers: { R1: { streams: 1, reserved_memory: 600, limits: { max_streams: 1, max_memory: 1000 } } },
    });
    expect(await stream("TWO")).toMatchObject(refused(10027));
    Object.assign(limits, { max_streams: 2 });
    expect(await stream("TWO", { max_bytes: 600 })).toMatchObject(refused(10028));
    expect(await stream("TWO", { max_bytes: 300 })).toMatchObject({ config: { name: "TWO" } });
    await jetstream.close();
  });
});

it("limits of the server hold for streams, consumers and batches", async () => {
  const clock = new VirtualClock();
  const { bus } = new Account("A");
  const jetstream = startJetStream({
    clock,
    memoryStorage: openMemoryStorage({ clock }),
    maxAckPending: 7,
    maxRequestBatch: 10,
    maxDuplicateWindowNs: 5e9,
  });
  await jetstream.enable(bus);
  const stream = (name: string, fields: object = {}) =>
    ask(bus, `STREAM.CREATE.${name}`, { name, storage: "memory", ...fields });
  expect(await stream("S")).toMatchObject({ config: { duplicate_window: 5e9 } });
  expect(await stream("T", { duplicate_window: 6e9 })).toMatchObject(refused(10052));
  const consumer = (name: string, fields: object = {}) =>
    ask(bus, `CONSUMER.CREATE.S.${name}`, {
      stream_name: "S",
      config: { durable_name: name, ack_policy: "explicit", ...fields },
    });
  expect(await consumer("a")).toMatchObject({ config: { max_ack_pending: 7, max_batch: 10 } });
  expect(await consumer("b", { max_ack_pending: 100 })).toMatchObject({ config: { max_ack_pending: 100 } });
  expect(await consumer("c", { max_batch: 11 })).toMatchObject(refused(10125));
  await jetstream.close();
});

it("every request is told to those who audit the API", async () => {
  const js = await JetStreamFixture.start({ domain: "d" });
  const told = js.inbox("$JS.EVENT.ADVISORY.API");
  await js.stream("S");
  await js.ask("STREAM.DELETE.T").catch(() => {});
  expect(told.received.map(({ payload }) => JSON.parse(payload) as object)).toMatchObject([
    {
      type: "io.nats.jetstream.advisory.v1.api_audit",
      subject: "$JS.API.STREAM.CREATE.S",
      request: expect.stringContaining('"name":"S"'),
      response: expect.stringContaining("stream_create_response"),
      domain: "d",
    },
    { subject: "$JS.API.STREAM.DELETE.T", response: expect.stringContaining("10059") },
  ]);
});

it("fields that are not known are refused, unless the server is not to be strict", async () => {
  const outcomes: unknown[] = [];
  for (const strict of [true, false]) {
    const clock = new VirtualClock();
    const { bus } = new Account("A");
    const jetstream = startJetStream({ clock, memoryStorage: openMemoryStorage({ clock }), strict });
    await jetstream.enable(bus);
    const sources = [{ name: "O", newer: 1 }];
    const body = { name: "S", storage: "memory", newer: true, sources };
    outcomes.push(await ask(bus, "STREAM.CREATE.S", body));
    await jetstream.close();
  }
  expect(outcomes).toMatchObject([refused(10025), { config: { sources: [{ name: "O" }] } }]);
});
