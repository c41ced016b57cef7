import { expect, it } from "vitest";
import { JetStreamFixture, type Received } from "../jetstream-fixture.js";

async function withConsumer(priority: object, messages = 0) {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  await js.consumer("S", "c", { priority_groups: ["jobs"], ...priority });
  for (let n = 1; n <= messages; n++) js.publish("S.a", `m${n}`);
  return js;
}

const bodies = (received: readonly Received[]) => received.map(({ payload }) => payload);
const pinOf = (message: Received | undefined) =>
  message?.headers?.entries.find(([name]) => name === "Nats-Pin-Id")?.[1] ?? "";
const PINNED = { priority_policy: "pinned_client", priority_timeout: 10e9 };

it("priority groups are checked when a consumer is created", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  const cases: readonly (readonly [object, number])[] = [
    [{ priority_policy: "overflow" }, 10159],
    [{ priority_policy: "overflow", priority_groups: [""] }, 10161],
    [{ priority_policy: "overflow", priority_groups: ["a b"] }, 10162],
    [{ priority_policy: "overflow", priority_groups: ["x".repeat(17)] }, 10162],
    [{ priority_policy: "overflow", priority_groups: ["a"], deliver_subject: "d" }, 10178],
    [{ priority_groups: ["a"] }, 10196],
    [{ priority_timeout: 1e9 }, 10197],
    [{ priority_policy: "fair", priority_groups: ["a"] }, 10025],
  ];
  for (const [fields, code] of cases) {
    await expect(js.consumer("S", "c", fields)).rejects.toMatchObject({ err_code: code });
  }
  await js.consumer("S", "c", { priority_policy: "pinned_client", priority_groups: ["a"] });
  const info = await js.ask<{ config: object; priority_groups: object }>("CONSUMER.INFO.S.c");
  expect(info.config).toMatchObject({ priority_policy: "pinned_client", priority_timeout: 120e9 });
  expect(info.priority_groups).toEqual([{ group: "a", pinned_ts: "0001-01-01T00:00:00Z" }]);
});

it("requests that do not fit the policy are refused", async () => {
  const ask = async (priority: object, request: object) =>
    (await (await withConsumer(priority)).pull("S", "c", { batch: 1, expires: 1e9, ...request })).take();
  const overflow = { priority_policy: "overflow" };
  const prioritized = { priority_policy: "prioritized" };
  expect(await ask(prioritized, { group: "jobs", min_pending: 1 })).toEqual([
    "400 Bad Request - Not a Overflow Priority consumer",
  ]);
  expect(await ask(overflow, { group: "jobs", id: "x" })).toEqual([
    "400 Bad Request - Not a Pinned Client Priority consumer",
  ]);
  expect(await ask(prioritized, { group: "jobs", priority: 10 })).toEqual([
    "400 Bad Request - Priority must be between 0 and 9",
  ]);
  expect(await ask(overflow, {})).toEqual(["400 Bad Request - Priority Group missing"]);
  expect(await ask(overflow, { group: "others" })).toEqual(["400 Bad Request - Invalid Priority Group"]);
});

it("overflow: a helper is served only when enough waits", async () => {
  const js = await withConsumer({ priority_policy: "overflow" });
  const helper = await js.pull("S", "c", { batch: 10, expires: 60e9, group: "jobs", min_pending: 3 });
  js.publish("S.a", "m1");
  js.publish("S.a", "m2");
  await js.advance(0);
  expect(helper.take()).toEqual([]);
  const regular = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  expect(regular.take()).toEqual(["m1"]);
  for (const name of ["m3", "m4"]) js.publish("S.a", name);
  await js.advance(0);
  expect(helper.take()).toEqual(["m2"]);
  const byAcks = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs", min_ack_pending: 2 });
  expect(byAcks.take()).toEqual(["m3"]);
});

it("overflow: a message to be delivered again counts for a helper", async () => {
  const js = await withConsumer({ priority_policy: "overflow" }, 1);
  const regular = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  const helper = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs", min_pending: 1 });
  expect(helper.take()).toEqual([]);
  await js.ack(regular.received[0], "-NAK");
  expect(helper.take()).toEqual(["m1"]);
});

it("prioritized: the lowest number is served first, equals in turn", async () => {
  const js = await withConsumer({ priority_policy: "prioritized" });
  const pull = (priority: number) => js.pull("S", "c", { batch: 2, expires: 60e9, group: "jobs", priority });
  const late = await pull(5);
  const a = await pull(1);
  const b = await pull(1);
  for (let n = 1; n <= 5; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  expect([bodies(a.received), bodies(b.received), bodies(late.received)]).toEqual([
    ["m1", "m3"],
    ["m2", "m4"],
    ["m5"],
  ]);
});

it("pinned: one client gets everything until it stays away", async () => {
  const js = await withConsumer(PINNED);
  const advisories = js.inbox("$JS.EVENT.ADVISORY.CONSUMER.*.S.c");
  const first = await js.pull("S", "c", { batch: 10, expires: 60e9, group: "jobs" });
  const second = await js.pull("S", "c", { batch: 10, expires: 60e9, group: "jobs" });
  js.publish("S.a", "m1");
  js.publish("S.a", "m2");
  await js.advance(0);
  expect([bodies(first.received), bodies(second.received)]).toEqual([["m1", "m2"], []]);
  const pinId = pinOf(first.received[0]);
  expect(pinId).toMatch(/^\w{22}$/);
  const info = await js.ask<{ priority_groups: object[] }>("CONSUMER.INFO.S.c");
  expect(info.priority_groups).toEqual([
    { group: "jobs", pinned_client_id: pinId, pinned_ts: expect.not.stringMatching(/^0001/) },
  ]);
  const stranger = await js.pull("S", "c", { batch: 1, expires: 1e9, group: "jobs", id: "other" });
  expect(stranger.take()).toEqual(["423 Nats-Pin-Id mismatch"]);
  await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs", id: pinId });
  await js.advance(9_000);
  expect(second.take()).toEqual([]);
  await js.advance(2_000);
  js.publish("S.a", "m3");
  await js.advance(0);
  // The next in the queue is pinned: the second client.
  expect(bodies(second.received)).toEqual(["m3"]);
  expect(pinOf(second.received[0])).not.toBe(pinId);
  const told = advisories.received.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
  expect(told.map(({ type, reason }) => [type, reason])).toEqual([
    ["io.nats.jetstream.advisory.v1.consumer_group_pinned", undefined],
    ["io.nats.jetstream.advisory.v1.consumer_group_unpinned", "timeout"],
    ["io.nats.jetstream.advisory.v1.consumer_group_pinned", undefined],
  ]);
  expect(told[0]).toMatchObject({ stream: "S", consumer: "c", group: "jobs", pinned_id: pinId });
});

it("unpin gives the next client a turn, and ends the requests of the old one", async () => {
  const js = await withConsumer(PINNED, 1);
  const first = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  const pinId = pinOf(first.received[0]);
  const again = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs", id: pinId });
  const second = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  await expect(js.ask("CONSUMER.UNPIN.S.c", { group: "x" })).rejects.toMatchObject({ err_code: 10160 });
  await expect(js.ask("CONSUMER.UNPIN.S.c", { group: "a b" })).rejects.toMatchObject({ err_code: 10162 });
  await expect(js.ask("CONSUMER.UNPIN.S.c", {})).rejects.toMatchObject({ err_code: 10025 });
  await js.ask("CONSUMER.UNPIN.S.c", { group: "jobs" });
  js.publish("S.a", "m2");
  await js.advance(0);
  expect(bodies(second.received)).toEqual(["m2"]);
  expect(again.take()).toEqual(["423 Nats-Wrong-Pin-Id (Nats-Pending-Messages: 1, Nats-Pending-Bytes: 0)"]);
});

it("a client that is gone is not pinned", async () => {
  const js = await withConsumer(PINNED);
  const gone = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  const there = await js.pull("S", "c", { batch: 1, expires: 60e9, group: "jobs" });
  gone.stop();
  js.publish("S.a", "m1");
  await js.advance(0);
  expect(bodies(there.received)).toEqual(["m1"]);
});
