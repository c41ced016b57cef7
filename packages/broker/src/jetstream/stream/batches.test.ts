import { VirtualClock } from "@ganglion/kernel";
import { openMemoryStorage } from "@ganglion/store";
import { describe, expect, it } from "vitest";
import { HeldDurability, JetStreamFixture } from "../jetstream-fixture.js";

type Headers = Record<string, string>;

describe("atomic batches", () => {
  async function started(fields: object = {}) {
    const js = await JetStreamFixture.start();
    await js.stream("S", { allow_atomic: true, allow_rollup_hdrs: true, ...fields });
    const send = async (sequence: number, headers: Headers = {}, subject = `S.${sequence}`) => {
      const batch = { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": String(sequence) };
      const { payload } = await js.publish(subject, `m${sequence}`, { ...batch, ...headers }).next();
      return payload === "" ? "" : (JSON.parse(payload) as object);
    };
    return { js, send };
  }
  const commit = { "Nats-Batch-Commit": "1" };
  const refused = (code: number) => ({ error: { err_code: code } });

  it("are stored together when they are complete, and answered then", async () => {
    const { js, send } = await started();
    expect([await send(1), await send(2)]).toEqual(["", ""]);
    expect(await js.streamState("S")).toMatchObject({ messages: 0 });
    expect(await send(3, commit)).toEqual({ stream: "S", seq: 3, batch: "b", count: 3 });
    expect(await js.streamState("S")).toMatchObject({ messages: 3, last_seq: 3 });
    await send(1);
    expect(await send(2, { "Nats-Batch-Commit": "eob" })).toEqual({
      stream: "S",
      seq: 4,
      batch: "b",
      count: 1,
    });
  });

  it("are given up with a gap, a bad commit, too many messages or too long a wait", async () => {
    const { js, send } = await started();
    const told = js.inbox("$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.S");
    const reasons = () =>
      told.received.splice(0).map(({ payload }) => (JSON.parse(payload) as { reason: string }).reason);
    expect(await send(2)).toMatchObject(refused(10176));
    await send(1);
    expect(await send(3)).toMatchObject(refused(10176));
    expect(await send(2)).toMatchObject(refused(10176));
    expect(reasons()).toEqual(["incomplete"]);
    await send(1);
    expect(await send(2, { "Nats-Batch-Commit": "yes" })).toMatchObject(refused(10200));
    expect(await send(1, { "Nats-Batch-Id": "x".repeat(65) })).toMatchObject(refused(10179));
    expect(await send(1, { "Nats-Batch-Sequence": "x" })).toMatchObject(refused(10175));
    expect(await send(1002)).toMatchObject(refused(10199));
    await send(1, { "Nats-Required-Api-Level": "4" });
    expect(await send(2, { "Nats-Required-Api-Level": "99" })).toMatchObject(refused(10185));
    expect(reasons()).toEqual(["unsupported"]);
    await send(1);
    await js.advance(10_001);
    expect(reasons()).toEqual(["timeout"]);
    expect(await send(2, commit)).toMatchObject(refused(10176));
    expect(await js.streamState("S")).toMatchObject({ messages: 0 });
  });

  it("are stored as a whole or not at all when a message of theirs may not be", async () => {
    const { js, send } = await started({ max_msgs: 3, discard: "new" });
    const whole = async (...headers: Headers[]) => {
      for (const [index, own] of headers.entries())
        if (index < headers.length - 1) await send(index + 1, own, "S.a");
      return send(headers.length, { ...headers.at(-1), ...commit }, "S.a");
    };
    expect(await whole({}, { "Nats-Expected-Last-Sequence": "1" })).toMatchObject(refused(10164));
    expect(await whole({}, { "Nats-Expected-Last-Subject-Sequence": "0" })).toMatchObject(refused(10164));
    expect(await whole({ "Nats-Msg-Id": "1" }, { "Nats-Msg-Id": "1" })).toMatchObject(refused(10201));
    expect(await whole({}, { "Nats-Expected-Last-Msg-Id": "1" })).toMatchObject(refused(10177));
    expect(await whole({}, { "Nats-Rollup": "sub" })).toMatchObject(refused(10111));
    expect(await whole({}, {}, {}, {})).toMatchObject(refused(10077));
    expect(await js.streamState("S")).toMatchObject({ messages: 0, last_seq: 0 });
    const first = { "Nats-Expected-Last-Sequence": "0", "Nats-Msg-Id": "1" };
    expect(await whole(first, { "Nats-Msg-Id": "2" })).toMatchObject({ seq: 2, count: 2 });
    expect(await whole({ "Nats-Msg-Id": "2" }, {})).toMatchObject(refused(10201));
  });

  it("count on what is in front of them", async () => {
    const { js } = await started();
    await js.stream("C", { allow_atomic: true, allow_msg_counter: true });
    const add = (sequence: number, headers: Headers) =>
      js
        .publish("C.n", "", { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": String(sequence), ...headers })
        .next();
    await add(1, { "Nats-Incr": "2" });
    await add(2, { "Nats-Incr": "3", ...commit });
    const { message } = await js.ask<{ message: { data: string } }>("STREAM.MSG.GET.C", { seq: 2 });
    expect(Buffer.from(message.data, "base64").toString()).toBe('{"val":"5"}');
  });

  it("are refused by a stream that does not take them, and when there are too many", async () => {
    const { js, send } = await started();
    for (let n = 0; n < 50; n++) expect(await send(1, { "Nats-Batch-Id": `b${n}` })).toBe("");
    expect(await send(1)).toMatchObject(refused(10210));
    await js.advance(10_001);
    expect(await send(1)).toBe("");
    await js.ask("STREAM.UPDATE.S", { name: "S", subjects: ["S.>"], storage: "memory" });
    expect(await send(1)).toMatchObject(refused(10174));
  });
});

describe("fast batches", () => {
  async function started(fields: object = {}) {
    const clock = new VirtualClock();
    const durability = new HeldDurability(openMemoryStorage({ clock }));
    const js = await JetStreamFixture.start({ clock, memoryStorage: durability.storage });
    await js.stream("S", { allow_batched: true, ...fields });
    const inbox = js.inbox("reply.>");
    const send = async (
      sequence: number,
      operation: number,
      options: { gap?: string; headers?: Headers; id?: string } = {},
    ) => {
      const { gap = "fail", headers = {}, id = "b" } = options;
      const reply = `reply.${id}.3.${gap}.${sequence}.${operation}.$FI`;
      const block = Object.entries(headers)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join("");
      const header = block === "" ? "" : `NATS/1.0\r\n${block}\r\n`;
      js.bus.publish({
        subject: "S.a",
        reply,
        headerSizeBytes: header.length,
        data: Buffer.from(`${header}m${sequence}`),
      });
      await js.advance(0);
      return inbox.received.splice(0).map(({ payload }) => JSON.parse(payload) as object);
    };
    return { js, send, durability, inbox };
  }

  it("are acknowledged every few messages once these are durable, and at their end", async () => {
    const { send, durability, inbox, js } = await started();
    expect(await send(1, 0)).toEqual([{ type: "ack", seq: 0, msgs: 3 }]);
    durability.hold();
    expect(await send(2, 1)).toEqual([]);
    expect(await send(3, 1)).toEqual([]);
    durability.release();
    await js.advance(0);
    expect(inbox.received.splice(0).map(({ payload }) => JSON.parse(payload) as object)).toEqual([
      { type: "ack", seq: 3, msgs: 3 },
    ]);
    expect(await send(3, 4)).toEqual([{ type: "ack", seq: 3, msgs: 3 }]);
    expect(await send(4, 2)).toEqual([{ stream: "S", seq: 4, batch: "b", count: 4 }]);
    expect(await send(5, 1)).toMatchObject([{ error: { err_code: 10208 } }]);
  });

  it("tell of gaps, and end there or go on", async () => {
    const { send } = await started();
    await send(1, 0);
    expect(await send(3, 1)).toEqual([
      { type: "gap", last_seq: 2, seq: 3 },
      { stream: "S", seq: 1, batch: "b", count: 1 },
    ]);
    await send(1, 0, { gap: "ok", id: "c" });
    expect(await send(3, 1, { gap: "ok", id: "c" })).toEqual([
      { type: "gap", last_seq: 2, seq: 3 },
      { type: "ack", seq: 3, msgs: 3 },
    ]);
    expect(await send(4, 3, { gap: "ok", id: "c" })).toEqual([{ stream: "S", seq: 3, batch: "c", count: 3 }]);
  });

  it("tell of messages that are not stored, and end with those that are", async () => {
    const { send } = await started();
    const wrong = { headers: { "Nats-Expected-Last-Sequence": "77" } };
    expect(await send(1, 0, wrong)).toMatchObject([{ type: "ack" }, { error: { err_code: 10071 } }]);
    await send(1, 0);
    expect(await send(2, 1, wrong)).toMatchObject([
      { type: "err", seq: 2, error: { err_code: 10071 } },
      { seq: 1, batch: "b", count: 1 },
    ]);
  });

  it("are refused when the reply says nothing of the kind, or the stream takes none", async () => {
    const { js, send } = await started();
    expect(await send(2, 1)).toMatchObject([{ error: { err_code: 10208 } }]);
    expect(await send(1, 7)).toMatchObject([{ error: { err_code: 10206 } }]);
    expect(await send(1, 0, { id: "x".repeat(65) })).toMatchObject([{ error: { err_code: 10207 } }]);
    await js.stream("T", {});
    js.send("T.a", "m", "reply.b.3.fail.1.0.$FI");
    const inbox = js.inbox("reply.b.3.fail.1.0.$FI");
    js.send("T.a", "m", inbox.subject);
    expect(JSON.parse((await inbox.next()).payload)).toMatchObject({ error: { err_code: 10205 } });
  });
});
