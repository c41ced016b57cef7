import { VirtualClock } from "@ganglion/kernel";
import { openMemoryStorage } from "@ganglion/store";
import { expect, it } from "vitest";
import { HeldDurability, JetStreamFixture } from "../jetstream-fixture.js";

async function held(stream: object = {}) {
  const clock = new VirtualClock();
  const durability = new HeldDurability(openMemoryStorage({ clock }));
  const js = await JetStreamFixture.start({ clock, memoryStorage: durability.storage });
  await js.stream("S", { allow_direct: true, ...stream });
  return { js, durability };
}

it("neither the publisher nor a consumer hears of a message before it is durable", async () => {
  const { js, durability } = await held();
  await js.consumer("S", "c");
  durability.hold();
  const ack = js.publish("S.a", "m1", { "Nats-Msg-Id": "1" });
  const repeat = js.publish("S.a", "m1", { "Nats-Msg-Id": "1" });
  const read = js.inbox();
  js.send("$JS.API.DIRECT.GET.S", '{"seq":1}', read.subject);
  const inbox = await js.pull("S", "c");
  await js.advance(100);
  expect([ack.take(), repeat.take(), inbox.take(), read.take()]).toEqual([[], [], [], []]);
  durability.release();
  await js.advance(0);
  expect(ack.take()).toEqual(['{"stream":"S", "seq":1}']);
  expect(repeat.take()).toEqual(['{"stream":"S", "seq":1,"duplicate": true}']);
  expect(inbox.take()).toEqual(["m1"]);
  expect(read.take()).toEqual(["m1"]);
});

it("a consumer that is made while messages become durable gets them", async () => {
  const { js, durability } = await held();
  durability.hold();
  for (let n = 1; n <= 3; n++) js.publish("S.a", `m${n}`);
  await js.consumer("S", "c");
  const inbox = await js.pull("S", "c", { batch: 5 });
  durability.release();
  await js.advance(0);
  expect(inbox.take()).toEqual(["m1", "m2", "m3"]);
});

it("a publisher hears when its message could not be stored, and may send it again", async () => {
  const { js, durability } = await held();
  durability.hold();
  const ack = js.publish("S.a", "m1", { "Nats-Msg-Id": "1" });
  await js.advance(0);
  durability.fail(1);
  expect(JSON.parse(ack.take()[0] ?? "")).toMatchObject({ error: { err_code: 10077 }, seq: 0 });
  durability.release();
  const again = js.publish("S.a", "m1", { "Nats-Msg-Id": "1" });
  await js.advance(0);
  expect(JSON.parse(again.take()[0] ?? "")).not.toHaveProperty("duplicate");
});

it("ids are remembered for the dedupe window and not longer", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { duplicate_window: 1e9 });
  const send = async () => {
    const answer = js.publish("S.a", "", { "Nats-Msg-Id": "x" });
    await js.advance(0);
    return JSON.parse(answer.take()[0] ?? "") as object;
  };
  expect(await send()).toEqual({ stream: "S", seq: 1 });
  await js.advance(900);
  expect(await send()).toEqual({ stream: "S", seq: 1, duplicate: true });
  await js.advance(101);
  expect(await send()).toEqual({ stream: "S", seq: 2 });
});

it("interest: a message stays until every consumer that takes it has acknowledged", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { retention: "interest" });
  const nobody = js.publish("S.a", "lost");
  await js.advance(0);
  expect(nobody.take()).toEqual(['{"stream":"S", "seq":1}']);
  expect(await js.streamState("S")).toMatchObject({ messages: 0, last_seq: 1 });
  await js.consumer("S", "all");
  await js.consumer("S", "some", { filter_subject: "S.a" });
  js.publish("S.a", "for both");
  js.publish("S.b", "for one");
  const all = await js.pull("S", "all", { batch: 5 });
  const some = await js.pull("S", "some", { batch: 5 });
  expect([all.received.length, some.received.length]).toEqual([2, 1]);
  await js.ack(all.received[0]);
  await js.ack(all.received[1]);
  expect(await js.streamState("S")).toMatchObject({ messages: 1, first_seq: 2 });
  await js.ack(some.received[0]);
  expect(await js.streamState("S")).toMatchObject({ messages: 0 });
});

it("interest: what only a deleted consumer waited for goes with it", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { retention: "interest" });
  await js.consumer("S", "a", { filter_subject: "S.a" });
  await js.consumer("S", "b", { filter_subject: "S.b" });
  js.publish("S.a", "1");
  js.publish("S.b", "2");
  await js.advance(0);
  await js.ask("CONSUMER.DELETE.S.a");
  expect(await js.streamState("S")).toMatchObject({ messages: 1, first_seq: 2 });
  await js.ask("CONSUMER.DELETE.S.b");
  expect(await js.streamState("S")).toMatchObject({ messages: 0, last_seq: 2 });
});

it("rollups replace what came before, of the subject or of all", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { allow_rollup_hdrs: true });
  await js.consumer("S", "c");
  for (const subject of ["S.a", "S.b", "S.a"]) js.publish(subject, "");
  js.publish("S.a", "", { "Nats-Rollup": "sub" });
  await js.advance(0);
  expect(await js.streamState("S")).toMatchObject({ messages: 2, first_seq: 2, last_seq: 4 });
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 2 });
  js.publish("S.c", "", { "Nats-Rollup": "all" });
  await js.advance(0);
  expect(await js.streamState("S")).toMatchObject({ messages: 1, first_seq: 5 });
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 1 });
});

it("republish sends stored messages on, with where they are", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { republish: { src: "S.*", dest: "copy.$1" } });
  const copies = js.inbox("copy.>");
  js.publish("S.a", "one");
  js.publish("S.a", "two", { Own: "header" });
  await js.advance(0);
  expect(copies.received.map(({ subject, headers, payload }) => ({ subject, headers, payload }))).toEqual([
    {
      subject: "copy.a",
      payload: "one",
      headers: {
        entries: [
          ["Nats-Stream", "S"],
          ["Nats-Subject", "S.a"],
          ["Nats-Sequence", "1"],
          ["Nats-Time-Stamp", "2026-01-01T00:00:00Z"],
          ["Nats-Last-Sequence", "0"],
        ],
      },
    },
    expect.objectContaining({
      payload: "two",
      headers: {
        entries: expect.arrayContaining([
          ["Own", "header"],
          ["Nats-Last-Sequence", "1"],
        ]),
      },
    }),
  ]);
});

it("a subject transform changes the subject before anything else", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { subject_transform: { src: "S.*.*", dest: "S.$2.{{wildcard(1)}}" } });
  js.publish("S.a.b", "");
  js.publish("S.plain", "");
  await js.advance(0);
  const info = await js.ask<{ state: { subjects: object } }>("STREAM.INFO.S", { subjects_filter: ">" });
  expect(info.state.subjects).toEqual({ "S.b.a": 1, "S.plain": 1 });
});

it("pending counts follow filters, limits, purges and new filters", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { max_msgs: 6 });
  await js.consumer("S", "c", { filter_subjects: ["S.a", "S.b.*"] });
  const pending = async () => (await js.info("S", "c")).num_pending;
  for (const subject of ["S.a", "S.b.1", "S.c", "S.a", "S.b.2", "S.a"]) js.publish(subject, "");
  await js.advance(0);
  expect(await pending()).toBe(5);
  js.publish("S.c", "");
  js.publish("S.c", "");
  await js.advance(0);
  expect(await pending()).toBe(3);
  await js.ask("STREAM.PURGE.S", { filter: "S.a", keep: 1 });
  expect(await pending()).toBe(2);
  await js.consumer("S", "c", { filter_subjects: ["S.c"] });
  expect(await pending()).toBe(3);
  await js.ask("STREAM.PURGE.S");
  expect(await pending()).toBe(0);
});

it("last per subject delivers the newest of each subject and then what comes", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  for (const [subject, payload] of [
    ["S.a", "a1"],
    ["S.b", "b1"],
    ["S.a", "a2"],
    ["S.c", "c1"],
  ] as const) {
    js.publish(subject, payload);
  }
  await js.advance(0);
  await js.consumer("S", "c", { deliver_policy: "last_per_subject", filter_subject: "S.*" });
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 3 });
  await js.ask("STREAM.MSG.DELETE.S", { seq: 3 });
  js.publish("S.a", "a3");
  const inbox = await js.pull("S", "c", { batch: 9 });
  expect(inbox.take()).toEqual(["b1", "c1", "a3"]);
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 0 });
});

it("a consumer that delivers into a stream whose consumer delivers into its own does not block the process", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("A");
  await js.stream("B");
  await js.consumer("A", "c", { deliver_subject: "B.in", ack_policy: "none" });
  await js.consumer("B", "c", { deliver_subject: "A.in", ack_policy: "none" });
  js.publish("A.in", "ball");
  await js.advance(0);
  const { last_seq: before } = await js.streamState("A");
  expect(before).toBeGreaterThan(1);
  await js.ask("CONSUMER.DELETE.A.c");
  await js.advance(0);
  const { last_seq: after } = await js.streamState("A");
  await js.advance(100);
  expect((await js.streamState("A")).last_seq).toBe(after);
});

it("the API of a domain is that of its server, and acks name it", async () => {
  const js = await JetStreamFixture.start({ domain: "hub" });
  await js.stream("S");
  const answer = js.inbox();
  js.send("$JS.hub.API.STREAM.NAMES", "", answer.subject);
  const ack = js.publish("S.a", "");
  await js.advance(0);
  expect(JSON.parse(answer.take()[0] ?? "")).toMatchObject({ streams: ["S"] });
  expect(ack.take()).toEqual(['{"stream":"S", "domain":"hub", "seq":1}']);
});
