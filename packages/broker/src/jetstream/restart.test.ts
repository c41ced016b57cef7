import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { openFileStorage, type Storage } from "@ganglion/store";
import { afterEach, beforeEach, expect, it } from "vitest";
import { deliveriesOf, JetStreamFixture } from "./jetstream-fixture.js";

let directory: string;
let clock: VirtualClock;
let storage: Storage | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ganglion-restart-"));
  clock = new VirtualClock();
});

afterEach(async () => {
  await storage?.close();
  await rm(directory, { recursive: true, force: true });
});

/** Starts on the directory; what ran on it before is closed. */
async function start(running?: JetStreamFixture): Promise<JetStreamFixture> {
  await running?.jetstream.close();
  await storage?.close();
  storage = await openFileStorage({ directory, clock });
  return JetStreamFixture.start({ clock, fileStorage: storage });
}

const onFile = { storage: "file" };

/** Waits until the disk has everything: group commits do not follow the virtual clock. */
async function acknowledged(js: JetStreamFixture, subject: string, headers = {}): Promise<object> {
  const answer = js.publish(subject, subject, headers);
  return JSON.parse((await answer.next()).payload) as object;
}

it("streams, messages and consumers are there again, where they were", async () => {
  const first = await start();
  await first.stream("S", { ...onFile, description: "kept", metadata: { k: "v" } });
  await first.consumer("S", "c", { ack_wait: 1e9, max_deliver: 5 });
  for (let n = 1; n <= 4; n++) await acknowledged(first, `S.${n}`);
  const inbox = await first.pull("S", "c", { batch: 3 });
  await first.ack(inbox.received[0]);
  await first.ack(inbox.received[2]);
  const before = await first.ask("STREAM.INFO.S");
  const info = await first.info("S", "c");

  const second = await start(first);
  const { ts: _before, ...kept } = before;
  expect(await second.ask("STREAM.INFO.S")).toMatchObject(kept);
  expect(await second.info("S", "c")).toMatchObject({
    delivered: { consumer_seq: 3, stream_seq: 3 },
    ack_floor: { consumer_seq: info.ack_floor.consumer_seq, stream_seq: info.ack_floor.stream_seq },
    num_ack_pending: 1,
    num_pending: 1,
  });
  const again = await second.pull("S", "c", { batch: 9 });
  await second.ack(again.received[0]);
  expect(again.take()).toEqual(["S.4"]);
  await second.advance(1010);
  expect(again.received.map((message) => [message.payload, deliveriesOf(message)])).toEqual([["S.2", 2]]);
  expect(await acknowledged(second, "S.5")).toMatchObject({ seq: 5 });
});

it("an id that was used within the dedupe window is a duplicate also after a restart", async () => {
  const first = await start();
  await first.stream("S", { ...onFile, duplicate_window: 10e9 });
  await acknowledged(first, "S.a", { "Nats-Msg-Id": "old" });
  await first.advance(8000);
  await acknowledged(first, "S.a", { "Nats-Msg-Id": "new" });
  await first.advance(3000);
  const second = await start(first);
  const wrong = await acknowledged(second, "S.a", { "Nats-Expected-Last-Msg-Id": "old" });
  expect(wrong).toMatchObject({ error: { err_code: 10070, description: "wrong last msg ID: new" } });
  expect(await acknowledged(second, "S.a", { "Nats-Msg-Id": "new" })).toMatchObject({
    seq: 2,
    duplicate: true,
  });
  expect(await acknowledged(second, "S.a", { "Nats-Msg-Id": "old" })).toEqual({ stream: "S", seq: 3 });
});

it("a consumer that had not delivered anything starts where it would have", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await acknowledged(first, "S.before");
  await first.consumer("S", "new", { deliver_policy: "new" });
  await acknowledged(first, "S.after");
  const second = await start(first);
  expect((await second.pull("S", "new", { batch: 9 })).take()).toEqual(["S.after"]);
});

it("what was deleted stays deleted", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await first.stream("T", onFile);
  await first.consumer("S", "c");
  await first.consumer("S", "d");
  await acknowledged(first, "S.a");
  await acknowledged(first, "S.b");
  await first.ask("STREAM.MSG.DELETE.S", { seq: 1 });
  await first.ask("CONSUMER.DELETE.S.c");
  await first.ask("STREAM.DELETE.T");
  const second = await start(first);
  expect(await second.ask("STREAM.NAMES")).toMatchObject({ streams: ["S"] });
  expect(await second.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: ["d"] });
  expect(await second.streamState("S")).toMatchObject({ messages: 1, first_seq: 2, last_seq: 2 });
});

it("changed configurations are kept", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await first.consumer("S", "c", { filter_subject: "S.a" });
  await first.ask("STREAM.UPDATE.S", { name: "S", subjects: ["S.>", "more"], storage: "file", max_msgs: 9 });
  await first.consumer("S", "c", { filter_subject: "S.b", max_deliver: 3 });
  const second = await start(first);
  expect(await second.ask("STREAM.INFO.S")).toMatchObject({
    config: { subjects: ["S.>", "more"], max_msgs: 9 },
  });
  expect(await second.ask("CONSUMER.INFO.S.c")).toMatchObject({
    config: { filter_subject: "S.b", max_deliver: 3 },
  });
});

it("work that was acknowledged does not come back to a work queue", async () => {
  const first = await start();
  await first.stream("S", { ...onFile, retention: "workqueue" });
  await first.consumer("S", "c");
  for (let n = 1; n <= 3; n++) await acknowledged(first, `S.${n}`);
  const inbox = await first.pull("S", "c", { batch: 2 });
  await first.ack(inbox.received[0]);
  const second = await start(first);
  expect(await second.streamState("S")).toMatchObject({ messages: 2, first_seq: 2 });
  expect((await second.pull("S", "c", { batch: 9 })).take()).toEqual(["S.3"]);
});

it("an ephemeral consumer that nobody uses after a restart goes", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await first.ask("CONSUMER.CREATE.S.e", { stream_name: "S", config: { ack_policy: "explicit" } });
  const second = await start(first);
  expect(await second.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: ["e"] });
  await second.advance(6000);
  expect(await second.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [] });
});

it("consumers in memory and memory streams are gone", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await first.stream("M");
  await first.consumer("S", "c", { mem_storage: true });
  const second = await start(first);
  expect(await second.ask("STREAM.NAMES")).toMatchObject({ streams: ["S"] });
  expect(await second.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [] });
});

it("a consumer stays paused, and stays where it was reset to", async () => {
  const first = await start();
  await first.stream("S", onFile);
  await first.consumer("S", "c");
  for (let n = 1; n <= 3; n++) await acknowledged(first, `S.${n}`);
  const inbox = await first.pull("S", "c", { batch: 3 });
  await first.ack(inbox.received[2]);
  await first.ask("CONSUMER.RESET.S.c", { seq: 2 });
  const pauseUntil = new Date(clock.nowMs() + 60_000).toISOString();
  await first.ask("CONSUMER.PAUSE.S.c", { pause_until: pauseUntil });

  const second = await start(first);
  expect(await second.info("S", "c")).toMatchObject({
    paused: true,
    delivered: { consumer_seq: 0, stream_seq: 1 },
    num_ack_pending: 0,
    num_pending: 2,
  });
  const waiting = await second.pull("S", "c", { batch: 2, expires: 120e9 });
  expect(waiting.take()).toEqual([]);
  await second.advance(60_001);
  expect(waiting.take()).toEqual(["S.2", "S.3"]);
});
