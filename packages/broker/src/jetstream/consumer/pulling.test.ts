import { expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

async function withMessages(count: number, consumer: object = {}) {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  await js.consumer("S", "c", consumer);
  for (let n = 1; n <= count; n++) js.publish("S.a", `m${n}`);
  return js;
}

it("a pull waits for messages, and the batch is shared out in turn", async () => {
  const js = await withMessages(0);
  const a = await js.pull("S", "c", { batch: 2 });
  const b = await js.pull("S", "c", { batch: 2 });
  expect(await js.info("S", "c")).toMatchObject({ num_waiting: 2 });
  for (let n = 1; n <= 5; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  expect([a.take(), b.take()]).toEqual([
    ["m1", "m3"],
    ["m2", "m4"],
  ]);
  expect(await js.info("S", "c")).toMatchObject({ num_waiting: 0, num_pending: 1, num_ack_pending: 4 });
});

it("a number asks for so many messages, anything else for one", async () => {
  const js = await withMessages(9);
  expect((await js.pull("S", "c", "3")).take()).toEqual(["m1", "m2", "m3"]);
  expect((await js.pull("S", "c")).take()).toEqual(["m4"]);
  expect((await js.pull("S", "c", "please")).take()).toEqual(["m5"]);
});

it("the acknowledgement subject tells how much lies ahead", async () => {
  const js = await withMessages(3);
  const inbox = await js.pull("S", "c", { batch: 3 });
  expect(inbox.received.map(({ reply }) => reply?.split(".").at(-1))).toEqual(["2", "1", "0"]);
  expect(inbox.received[0]?.reply).toMatch(/^\$JS\.ACK\.S\.c\.1\.1\.1\.\d+000\.2$/);
});

it("a pull ends when its time is up, telling what is left", async () => {
  const js = await withMessages(1);
  const inbox = await js.pull("S", "c", { batch: 3, expires: 2e9, max_bytes: 1000 });
  await js.advance(1999);
  expect(inbox.take()).toEqual(["m1"]);
  await js.advance(2);
  expect(inbox.take()).toEqual([
    expect.stringMatching(/^408 Request Timeout \(Nats-Pending-Messages: 2, Nats-Pending-Bytes: 9\d\d\)$/),
  ]);
});

it("a pull without waiting gets what is there, or 404", async () => {
  const js = await withMessages(2);
  const inbox = await js.pull("S", "c", { batch: 5, no_wait: true });
  expect(inbox.take()).toEqual([
    "m1",
    "m2",
    "408 Request Timeout (Nats-Pending-Messages: 3, Nats-Pending-Bytes: 0)",
  ]);
  expect((await js.pull("S", "c", { batch: 5, no_wait: true })).take()).toEqual(["404 No Messages"]);
  const patient = await js.pull("S", "c", { batch: 5, no_wait: true, expires: 1e9 });
  expect(patient.take()).toEqual([]);
  js.publish("S.a", "m3");
  await js.advance(0);
  expect(patient.take()[0]).toBe("m3");
});

it("max_bytes ends a pull before the message that does not fit", async () => {
  const js = await withMessages(0);
  js.publish("S.a", "x".repeat(100));
  js.publish("S.a", "y".repeat(100));
  const inbox = await js.pull("S", "c", { batch: 5, max_bytes: 250 });
  expect(inbox.take()).toEqual([
    "x".repeat(100),
    expect.stringMatching(/^409 Message Size Exceeds MaxBytes \(Nats-Pending-Messages: 4, /),
  ]);
  const next = await js.pull("S", "c", { batch: 1, max_bytes: 1000 });
  expect(next.take()).toEqual([
    "y".repeat(100),
    expect.stringMatching(/^409 Batch Completed \(Nats-Pending-Messages: 0, Nats-Pending-Bytes: 8\d\d\)$/),
  ]);
});

it("a pull shows signs of life between messages", async () => {
  const js = await withMessages(1);
  const inbox = await js.pull("S", "c", { batch: 5, expires: 10e9, idle_heartbeat: 1e9 });
  await js.advance(2500);
  const beat = "100 Idle Heartbeat (Nats-Last-Consumer: 1, Nats-Last-Stream: 1)";
  expect(inbox.take()).toEqual(["m1", beat, beat]);
});

it.each([
  [{ max_batch: 5 }, { batch: 6 }, "409 Exceeded MaxRequestBatch of 5"],
  [{ max_expires: 90e9 }, { batch: 1, expires: 91e9 }, "409 Exceeded MaxRequestExpires of 1m30s"],
  [{ max_bytes: 10 }, { batch: 1, max_bytes: 11 }, "409 Exceeded MaxRequestMaxBytes of 10"],
  [{}, { batch: 1, expires: 3e9, idle_heartbeat: 2e9 }, "400 Bad Request - heartbeat value too large"],
  [{}, { batch: "many" }, "400 Bad Request - invalid JSON"],
  [{}, "{", "400 Bad Request - invalid JSON"],
])("a consumer with %j refuses %j", async (consumer, request, status) => {
  const js = await withMessages(1, consumer);
  expect((await js.pull("S", "c", request)).take()).toEqual([status]);
});

it("max_waiting requests may wait; those nobody listens to any more do not count", async () => {
  const js = await withMessages(0, { max_waiting: 2 });
  const first = await js.pull("S", "c");
  await js.pull("S", "c");
  expect((await js.pull("S", "c")).take()).toEqual(["409 Exceeded MaxWaiting"]);
  first.stop();
  await js.advance(1500);
  const third = await js.pull("S", "c");
  expect(third.take()).toEqual([]);
  expect(await js.info("S", "c")).toMatchObject({ num_waiting: 2 });
});

it("messages for a request nobody listens to go to the next one", async () => {
  const js = await withMessages(0);
  (await js.pull("S", "c")).stop();
  const inbox = await js.pull("S", "c");
  js.publish("S.a", "m1");
  await js.advance(0);
  expect(inbox.take()).toEqual(["m1"]);
  expect(await js.info("S", "c")).toMatchObject({ delivered: { consumer_seq: 1 }, num_ack_pending: 1 });
});

it("those who wait hear when the consumer is deleted, or its stream", async () => {
  const js = await withMessages(0);
  const first = await js.pull("S", "c", { batch: 2 });
  await js.ask("CONSUMER.DELETE.S.c");
  expect(first.take()).toEqual(["409 Consumer Deleted"]);
  await js.consumer("S", "d");
  const second = await js.pull("S", "d", { batch: 2 });
  await js.ask("STREAM.DELETE.S");
  expect(second.take()).toEqual(["409 Consumer Deleted"]);
  expect((await js.pull("S", "d")).take()).toEqual(["503 "]);
});

it("a push consumer cannot be pulled from", async () => {
  const js = await withMessages(1, { deliver_subject: "there" });
  expect((await js.pull("S", "c")).take()).toEqual(["409 Consumer is push based"]);
});

it("an ephemeral consumer goes when nobody uses it, and stays while somebody waits", async () => {
  const js = await withMessages(0);
  const create = (name: string) =>
    js.ask(`CONSUMER.CREATE.S.${name}`, { stream_name: "S", config: { inactive_threshold: 2e9 } });
  await create("used");
  await create("idle");
  await js.pull("S", "used", { batch: 1 });
  await js.advance(1900);
  expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: ["c", "idle", "used"] });
  await js.advance(60_000);
  expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: ["c", "used"] });
});
