import { expect, it } from "vitest";
import { JetStreamFixture } from "../jetstream-fixture.js";
import { countMessage } from "./counter.js";

it("counters add up, beyond what fits into a number", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { allow_msg_counter: true, allow_direct: true });
  const add = async (increment: string) =>
    JSON.parse((await js.publish("S.a", "", { "Nats-Incr": increment }).next()).payload) as object;
  expect(await add("1")).toEqual({ stream: "S", seq: 1, val: "1" });
  expect(await add("+9007199254740993")).toEqual({ stream: "S", seq: 2, val: "9007199254740994" });
  expect(await add("-4")).toEqual({ stream: "S", seq: 3, val: "9007199254740990" });
  const { message } = await js.ask<{ message: { data: string } }>("STREAM.MSG.GET.S", {
    last_by_subj: "S.a",
  });
  expect(Buffer.from(message.data, "base64").toString()).toBe('{"val":"9007199254740990"}');
});

it("a counter with a payload, or without an increment, is refused", async () => {
  const js = await JetStreamFixture.start();
  await js.stream("S", { allow_msg_counter: true });
  const code = async (payload: string, headers: Record<string, string>) =>
    (
      JSON.parse((await js.publish("S.a", payload, headers).next()).payload) as {
        error: { err_code: number };
      }
    ).error.err_code;
  expect(await code("x", { "Nats-Incr": "1" })).toBe(10170);
  expect(await code("", {})).toBe(10169);
});

it("what was counted elsewhere changes the total by its difference", () => {
  const framed = (payload: string, headers = "") => {
    const block = Buffer.from(`NATS/1.0\r\n${headers}\r\n`);
    return {
      subject: "c",
      headerSizeBytes: block.length,
      data: Buffer.concat([block, Buffer.from(payload)]),
    };
  };
  const source = (stream: string) => ({ increment: 5n, streamSource: `${stream} 1 > > c` });
  const count = (...args: Parameters<typeof countMessage>) => {
    const counted = countMessage(...args);
    if ("err_code" in counted) throw new Error(counted.description);
    return counted;
  };
  const first = count(framed('{"val":"10"}', "Nats-Incr: 5\r\n"), source("A"), undefined);
  expect(first.total).toBe("10");
  const second = count(framed('{"val":"7"}', "Nats-Incr: 7\r\n"), source("B"), first.message);
  expect(second.total).toBe("17");
  const third = count(framed('{"val":"12"}', "Nats-Incr: 2\r\n"), source("A"), second.message);
  expect(third.total).toBe("19");
  expect(Buffer.from(third.message.data).toString()).toBe(
    'NATS/1.0\r\nNats-Incr: 2\r\nNats-Counter-Sources: {"A":{"c":"12"},"B":{"c":"7"}}\r\n\r\n{"val":"19"}',
  );
  expect(
    countMessage(framed(""), { increment: 1n, streamSource: undefined }, framed("broken")),
  ).toMatchObject({
    err_code: 10172,
  });
});
