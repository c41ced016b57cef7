import { expect, it } from "vitest";
import { deliveriesOf, inventedAck, JetStreamFixture } from "../jetstream-fixture.js";

async function withMessages(count: number, consumer: object = {}, stream: object = {}) {
  const js = await JetStreamFixture.start();
  await js.stream("S", stream);
  await js.consumer("S", "c", consumer);
  for (let n = 1; n <= count; n++) js.publish("S.a", `m${n}`);
  return js;
}

it("a message that is not acknowledged in time is delivered again, with its count", async () => {
  const js = await withMessages(2, { ack_wait: 1e9 });
  const inbox = await js.pull("S", "c", { batch: 10 });
  expect(inbox.received.map(deliveriesOf)).toEqual([1, 1]);
  await js.ack(inbox.received[1]);
  await js.advance(999);
  expect(inbox.received).toHaveLength(2);
  await js.advance(10);
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2", "m1"]);
  expect(deliveriesOf(inbox.received[2])).toBe(2);
  expect(await js.info("S", "c")).toMatchObject({
    delivered: { consumer_seq: 3, stream_seq: 2 },
    ack_floor: { consumer_seq: 0, stream_seq: 0 },
    num_ack_pending: 1,
    num_redelivered: 1,
  });
  await js.ack(inbox.received[2]);
  expect(await js.info("S", "c")).toMatchObject({
    ack_floor: { consumer_seq: 3, stream_seq: 2 },
    num_ack_pending: 0,
    num_redelivered: 0,
  });
});

it("a backoff sets the wait by the number of deliveries", async () => {
  const js = await withMessages(1, { backoff: [1e9, 3e9], max_deliver: 4 });
  const inbox = await js.pull("S", "c", { batch: 10 });
  const times: number[] = [];
  for (let ms = 0; ms < 12_000; ms += 100) {
    const before = inbox.received.length;
    await js.advance(100);
    if (inbox.received.length > before) times.push(ms + 100);
  }
  expect(inbox.received.map(deliveriesOf)).toEqual([1, 2, 3, 4]);
  expect(times.map((ms) => Math.floor(ms / 1000))).toEqual([1, 4, 7]);
});

it("a message is given up after max_deliver, told about once, and kept in a work queue", async () => {
  const js = await withMessages(2, { ack_wait: 1e9, max_deliver: 2 }, { retention: "workqueue" });
  const advisories = js.inbox("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>");
  const inbox = await js.pull("S", "c", { batch: 10 });
  await js.ack(inbox.received[1]);
  for (let second = 0; second < 5; second++) await js.advance(1010);
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2", "m1"]);
  expect(advisories.received.map(({ payload }) => JSON.parse(payload))).toEqual([
    expect.objectContaining({ stream: "S", consumer: "c", stream_seq: 1, deliveries: 2 }),
  ]);
  expect(await js.info("S", "c")).toMatchObject({ num_ack_pending: 0, num_redelivered: 1 });
  expect(await js.streamState("S")).toMatchObject({ messages: 1, first_seq: 1 });
  await js.ack(inbox.received[2]);
  expect(await js.info("S", "c")).toMatchObject({ num_redelivered: 0 });
  expect(await js.streamState("S")).toMatchObject({ messages: 0 });
});

it("a nak brings a message back at once or after its delay, before new ones", async () => {
  const js = await withMessages(3, { ack_wait: 60e9 });
  const first = await js.pull("S", "c", { batch: 2 });
  await js.ack(first.received[0], "-NAK");
  await js.ack(first.received[1], '-NAK {"delay":2000000000}');
  const second = await js.pull("S", "c", { batch: 10 });
  expect(second.take()).toEqual(["m1", "m3"]);
  await js.advance(1990);
  expect(second.take()).toEqual([]);
  await js.advance(20);
  expect(second.take()).toEqual(["m2"]);
});

it("progress starts the ack wait anew", async () => {
  const js = await withMessages(1, { ack_wait: 1e9 });
  const inbox = await js.pull("S", "c", { batch: 10 });
  for (let round = 0; round < 5; round++) {
    await js.advance(700);
    await js.ack(inbox.received[0], "+WPI");
  }
  expect(inbox.received).toHaveLength(1);
  await js.advance(1010);
  expect(inbox.received).toHaveLength(2);
});

it("term ends the deliveries of a message and is told about with its reason", async () => {
  const js = await withMessages(1, { ack_wait: 1e9 });
  const advisories = js.inbox("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.c");
  const inbox = await js.pull("S", "c", { batch: 10 });
  await js.ack(inbox.received[0], "+TERM cannot be read");
  await js.advance(5000);
  expect(inbox.received).toHaveLength(1);
  expect(JSON.parse(advisories.received[0]?.payload ?? "")).toMatchObject({
    type: "io.nats.jetstream.advisory.v1.terminated",
    reason: "cannot be read",
    stream_seq: 1,
  });
});

it("+NXT acknowledges and pulls the next message", async () => {
  const js = await withMessages(3);
  const inbox = await js.pull("S", "c");
  js.send(inbox.received[0]?.reply ?? "", "+NXT", inbox.subject);
  await js.advance(0);
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2"]);
  expect(await js.info("S", "c")).toMatchObject({ num_ack_pending: 1, ack_floor: { stream_seq: 1 } });
});

it("an acknowledgement with a reply subject is answered, one nobody takes finds no responders", async () => {
  const js = await withMessages(1);
  const inbox = await js.pull("S", "c");
  const answer = js.inbox();
  js.send(inbox.received[0]?.reply ?? "", "+ACK", answer.subject);
  js.send(inventedAck("S", "other", 1), "+ACK", answer.subject);
  await js.advance(0);
  expect(answer.take()).toEqual(["", "503 "]);
});

it("acknowledging what was never delivered changes nothing", async () => {
  const js = await withMessages(2, {}, { retention: "workqueue" });
  js.send(inventedAck("S", "c", 2), "+ACK");
  await js.advance(0);
  expect(await js.streamState("S")).toMatchObject({ messages: 2 });
  expect(await js.info("S", "c")).toMatchObject({ ack_floor: { stream_seq: 0 }, num_pending: 2 });
});

it("with ack policy all, one acknowledgement stands for all before it", async () => {
  const js = await withMessages(5, { ack_policy: "all", ack_wait: 1e9 }, { retention: "interest" });
  const inbox = await js.pull("S", "c", { batch: 10 });
  await js.ack(inbox.received[2]);
  expect(await js.info("S", "c")).toMatchObject({
    ack_floor: { consumer_seq: 3, stream_seq: 3 },
    num_ack_pending: 2,
  });
  expect(await js.streamState("S")).toMatchObject({ messages: 2, first_seq: 4 });
  await js.advance(1010);
  expect(inbox.received.slice(5).map(({ payload }) => payload)).toEqual(["m4", "m5"]);
});

it("max_ack_pending holds deliveries back until there is room", async () => {
  const js = await withMessages(4, { max_ack_pending: 2 });
  const inbox = await js.pull("S", "c", { batch: 10 });
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2"]);
  await js.ack(inbox.received[0]);
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2", "m3"]);
  await js.ack(inbox.received[2], "+TERM");
  expect(inbox.received.at(-1)?.payload).toBe("m4");
});

it("a message that leaves the stream is not waited for any more", async () => {
  const js = await withMessages(3, { max_ack_pending: 1, ack_wait: 1e9 });
  const inbox = await js.pull("S", "c", { batch: 10 });
  await js.ask("STREAM.MSG.DELETE.S", { seq: 1 });
  await js.advance(0);
  expect(inbox.received.map(({ payload }) => payload)).toEqual(["m1", "m2"]);
  await js.ask("STREAM.PURGE.S");
  await js.advance(5000);
  expect(inbox.received).toHaveLength(2);
  expect(await js.info("S", "c")).toMatchObject({
    num_ack_pending: 0,
    num_pending: 0,
    ack_floor: { stream_seq: 3 },
    delivered: { stream_seq: 3 },
  });
});
