import { expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";

interface Reset {
  readonly reset_seq: number;
  readonly num_pending: number;
  readonly num_ack_pending: number;
}

async function consumed(fields: object = {}, stream: object = {}) {
  const js = await JetStreamFixture.start();
  await js.stream("S", stream);
  for (let n = 1; n <= 5; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  await js.consumer("S", "c", fields);
  const inbox = await js.pull("S", "c", { batch: 4 });
  await js.ack(inbox.received[0]);
  await js.ack(inbox.received[2]);
  return js;
}

it("goes on behind what is acknowledged", async () => {
  const js = await consumed();
  const reset = await js.ask<Reset>("CONSUMER.RESET.S.c");
  expect(reset).toMatchObject({ reset_seq: 2, num_pending: 4, num_ack_pending: 0 });
  expect(await js.info("S", "c")).toMatchObject({
    delivered: { consumer_seq: 0, stream_seq: 1 },
    ack_floor: { consumer_seq: 0, stream_seq: 1 },
  });
  const inbox = await js.pull("S", "c", { batch: 9, no_wait: true });
  expect(inbox.take().slice(0, 4)).toEqual(["m2", "m3", "m4", "m5"]);
});

it("goes on at a sequence, as far as the deliver policy allows", async () => {
  const js = await consumed();
  expect(await js.ask<Reset>("CONSUMER.RESET.S.c", { seq: 4 })).toMatchObject({ num_pending: 2 });
  expect((await js.pull("S", "c", { batch: 1 })).take()).toEqual(["m4"]);

  const from = await consumed({ deliver_policy: "by_start_sequence", opt_start_seq: 2 });
  await expect(from.ask("CONSUMER.RESET.S.c", { seq: 1 })).rejects.toMatchObject({
    err_code: 10204,
    message: "invalid reset: below start seq",
  });
  expect(await from.ask<Reset>("CONSUMER.RESET.S.c", { seq: 2 })).toMatchObject({ reset_seq: 2 });

  const timed = await consumed({ deliver_policy: "by_start_time", opt_start_time: "1970-01-01T00:00:00Z" });
  expect(await timed.ask<Reset>("CONSUMER.RESET.S.c", { seq: 1 })).toMatchObject({ reset_seq: 1 });

  const fresh = await consumed({ deliver_policy: "last" });
  await expect(fresh.ask("CONSUMER.RESET.S.c", { seq: 1 })).rejects.toMatchObject({
    message: "invalid reset: not allowed",
  });
});

it("an acknowledgement of before the reset does nothing", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S");
  js.publish("S.a", "m1");
  await js.advance(0);
  await js.consumer("S", "c");
  const before = await js.pull("S", "c");
  await js.ask("CONSUMER.RESET.S.c", { seq: 1 });
  await js.ack(before.received[0]);
  expect(await js.info("S", "c")).toMatchObject({ num_pending: 1, num_ack_pending: 0 });
});

it("a stream that keeps what is needed lets go of what the reset passed over", async () => {
  const js = await consumed({}, { retention: "interest" });
  // The stream is empty before the consumer is there: nothing was kept.
  for (let n = 6; n <= 8; n++) js.publish("S.a", `m${n}`);
  await js.advance(0);
  await js.ask("CONSUMER.RESET.S.c", { seq: 8 });
  expect(await js.streamState("S")).toMatchObject({ messages: 1, first_seq: 8 });
});
