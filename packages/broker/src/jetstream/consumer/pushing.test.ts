import { expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

async function pushing(consumer: object = {}, stream: object = {}) {
  const js = await JetStreamFixture.start();
  await js.stream("S", stream);
  const inbox = js.inbox("there");
  await js.consumer("S", "c", { deliver_subject: "there", ...consumer });
  return { js, inbox };
}

it("messages come under their own subject as soon as they are stored", async () => {
  const { js, inbox } = await pushing();
  js.publish("S.a", "m1", { Kind: "first" });
  await js.advance(0);
  expect(inbox.received).toEqual([
    {
      subject: "S.a",
      reply: expect.stringMatching(/^\$JS\.ACK\.S\.c\.1\.1\.1\.\d+\.0$/),
      headers: { entries: [["Kind", "first"]] },
      payload: "m1",
    },
  ]);
  expect(await js.info("S", "c")).toMatchObject({ push_bound: true, num_ack_pending: 1 });
});

it("nothing is sent while nobody listens, and everything when somebody does", async () => {
  const { js, inbox } = await pushing();
  inbox.stop();
  for (let n = 1; n <= 3; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 3, delivered: { consumer_seq: 0 } });
  const again = js.inbox("there");
  await js.advance(0);
  expect(again.take()).toEqual(["m1", "m2", "m3"]);
});

it("a deliver group counts, other subscribers do not", async () => {
  const { js } = await pushing({ deliver_group: "workers" });
  js.publish("S.a", "m1");
  await js.advance(0);
  expect(await js.info("S", "c")).not.toHaveProperty("push_bound");
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 1 });
});

it("an idle consumer shows signs of life with its position", async () => {
  const { js, inbox } = await pushing({ idle_heartbeat: 1e9 });
  js.publish("S.a", "m1");
  await js.advance(600);
  js.publish("S.a", "m2");
  await js.advance(900);
  expect(inbox.take()).toEqual(["m1", "m2"]);
  await js.advance(150);
  expect(inbox.take()).toEqual(["100 Idle Heartbeat (Nats-Last-Consumer: 2, Nats-Last-Stream: 2)"]);
  await js.advance(2000);
  expect(inbox.take()).toHaveLength(2);
});

it("flow control stalls a consumer whose subscriber does not answer, and heartbeats tell", async () => {
  const { js, inbox } = await pushing({ idle_heartbeat: 1e9, flow_control: true, max_ack_pending: 10_000 });
  const payload = "x".repeat(512 * 1024);
  for (let n = 0; n < 10; n++) js.publish("S.a", payload);
  await js.advance(0);
  const requests = inbox.received.filter(({ headers }) => headers?.description === "FlowControl Request");
  expect(requests).toHaveLength(1);
  expect(requests[0]?.reply).toMatch(/^\$JS\.FC\.S\.c\.\w+$/);
  // The window begins with 2 MiB; the message that exceeds it is the last.
  expect(inbox.received.length - 1).toBe(4);
  inbox.received.length = 0;
  await js.advance(1100);
  expect(inbox.take()[0]).toContain(`Nats-Consumer-Stalled: ${requests[0]?.reply}`);
  js.send(requests[0]?.reply ?? "", "");
  await js.advance(0);
  expect(inbox.received.length).toBeGreaterThan(4);
});

it("headers only sends the size instead of the payload", async () => {
  const { js, inbox } = await pushing({ headers_only: true });
  js.publish("S.a", "four");
  js.publish("S.a", "seven..", { A: "b" });
  await js.advance(0);
  expect(inbox.received.map(({ headers, payload }) => [headers?.entries, payload])).toEqual([
    [[["Nats-Msg-Size", "4"]], ""],
    [
      [
        ["A", "b"],
        ["Nats-Msg-Size", "7"],
      ],
      "",
    ],
  ]);
});

it("a rate limit paces deliveries by their bytes", async () => {
  const { js, inbox } = await pushing({ rate_limit_bps: 8 * 1000 }, { max_msg_size: 600 });
  for (let n = 0; n < 5; n++) js.publish("S.a", "x".repeat(500));
  await js.advance(0);
  const atOnce = inbox.received.length;
  expect(atOnce).toBeLessThan(4);
  await js.advance(400);
  expect(inbox.received.length).toBeLessThan(5);
  await js.advance(3000);
  expect(inbox.received).toHaveLength(5);
});

it("replay original sends stored messages at the pace they came in", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  for (const gapMs of [0, 100, 300]) {
    await js.advance(gapMs);
    js.publish("S.a", `after ${gapMs}`);
  }
  await js.advance(0);
  const inbox = js.inbox("there");
  await js.consumer("S", "c", { deliver_subject: "there", replay_policy: "original" });
  await js.advance(0);
  expect(inbox.take()).toEqual(["after 0"]);
  await js.advance(99);
  expect(inbox.take()).toEqual([]);
  await js.advance(2);
  expect(inbox.take()).toEqual(["after 100"]);
  await js.advance(301);
  expect(inbox.take()).toEqual(["after 300"]);
  js.publish("S.a", "live");
  await js.advance(0);
  expect(inbox.take()).toEqual(["live"]);
});

it("a push consumer without an acknowledgement policy forgets with the delivery", async () => {
  const { js, inbox } = await pushing({ ack_policy: "none" }, { retention: "interest" });
  for (let n = 1; n <= 3; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  expect(inbox.take()).toEqual(["m1", "m2", "m3"]);
  expect(await js.info("S", "c")).toMatchObject({
    num_ack_pending: 0,
    ack_floor: { consumer_seq: 3, stream_seq: 3 },
  });
  expect(await js.streamState("S")).toMatchObject({ messages: 0, last_seq: 3 });
});

it("a new deliver subject gets what was pending again", async () => {
  const { js, inbox } = await pushing();
  js.publish("S.a", "m1");
  await js.advance(0);
  inbox.stop();
  const moved = js.inbox("elsewhere");
  await js.consumer("S", "c", { deliver_subject: "elsewhere" });
  await js.advance(0);
  expect(moved.take()).toEqual(["m1"]);
});

it("an ephemeral consumer goes some time after its subscriber", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  const inbox = js.inbox("there");
  const { name } = await js.ask<{ name: string }>("CONSUMER.CREATE.S", {
    stream_name: "S",
    config: { deliver_subject: "there" },
  });
  await js.advance(60_000);
  expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [name] });
  inbox.stop();
  await js.advance(4_900);
  expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [name] });
  await js.advance(200);
  expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [] });
});
