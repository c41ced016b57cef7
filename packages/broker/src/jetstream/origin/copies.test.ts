import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { openFileStorage, openMemoryStorage, type Storage } from "@ganglion/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeldDurability, JetStreamFixture, settled } from "../jetstream-fixture.js";

let directory: string;
let clock: VirtualClock;
let storage: Storage | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ganglion-copies-"));
  clock = new VirtualClock();
});

afterEach(async () => {
  await storage?.close();
  await rm(directory, { recursive: true, force: true });
});

async function start(running?: JetStreamFixture): Promise<JetStreamFixture> {
  await running?.jetstream.close();
  await storage?.close();
  storage = await openFileStorage({ directory, clock });
  return JetStreamFixture.start({ clock, fileStorage: storage });
}

const create = (js: JetStreamFixture, name: string, fields: object = {}) =>
  js.ask(`STREAM.CREATE.${name}`, { name, storage: "memory", ...fields });

async function publish(js: JetStreamFixture, subject: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await js.publish(subject, `${subject} ${n}`).next();
}

/** Lets time pass until `check` holds: the disk does not follow the virtual clock. */
async function eventually(js: JetStreamFixture, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 10_000;
  while (!(await check()) && Date.now() < deadlineMs) await js.advance(1);
}

/** Waits until a stream has a message at `lastSequence`. */
async function copied(js: JetStreamFixture, stream: string, lastSequence: number): Promise<void> {
  await eventually(js, async () => (await js.streamState(stream)).last_seq >= lastSequence);
}

interface Read {
  readonly message: { subject: string; seq: number; hdrs?: string; data?: string; time: string };
}

async function contents(js: JetStreamFixture, stream: string): Promise<string[]> {
  const { first_seq: first, last_seq: last } = await js.streamState(stream);
  const found: string[] = [];
  for (let seq = Math.max(1, first); seq <= last; seq++) {
    const read = await js.ask<Read>(`STREAM.MSG.GET.${stream}`, { seq }).catch(() => undefined);
    if (read === undefined) continue;
    const { message } = read;
    found.push(`${seq} ${message.subject} ${Buffer.from(message.data ?? "", "base64").toString()}`);
  }
  return found;
}

async function sourceHeaders(js: JetStreamFixture, stream: string): Promise<(string | undefined)[]> {
  const { last_seq: last } = await js.streamState(stream);
  const found = [];
  for (let seq = 1; seq <= last; seq++) {
    const { message } = await js.ask<Read>(`STREAM.MSG.GET.${stream}`, { seq });
    const headers = Buffer.from(message.hdrs ?? "", "base64").toString();
    found.push(/Nats-Stream-Source: (.*)\r/.exec(headers)?.[1]);
  }
  return found;
}

describe("a mirror", () => {
  it("has what its origin has, at the same sequences and times, and goes on with it", async () => {
    const js = await start();
    await create(js, "O", { subjects: ["o.*"] });
    await publish(js, "o.a", 3);
    await js.ask("STREAM.MSG.DELETE.O", { seq: 2 });
    await create(js, "M", { mirror: { name: "O" } });
    await copied(js, "M", 3);
    await publish(js, "o.b", 1);
    await copied(js, "M", 4);
    expect(await contents(js, "M")).toEqual(await contents(js, "O"));
    const times = async (stream: string) =>
      (await js.ask<Read>(`STREAM.MSG.GET.${stream}`, { seq: 4 })).message.time;
    expect(await times("M")).toBe(await times("O"));
    const info = await js.ask<{ mirror: object }>("STREAM.INFO.M");
    expect(info.mirror).toMatchObject({ name: "O", lag: 0 });
    expect(await js.ask("STREAM.INFO.O")).toMatchObject({ state: { consumer_count: 0 } });
    expect(await js.ask("CONSUMER.NAMES.O")).toMatchObject({ consumers: [] });
  });

  it("takes a part of the origin, from a place on, under other subjects", async () => {
    const js = await start();
    await create(js, "O", { subjects: ["o.*"] });
    await publish(js, "o.a", 2);
    await publish(js, "o.b", 2);
    await create(js, "FILTERED", { mirror: { name: "O", filter_subject: "o.b" } });
    await create(js, "LATE", { mirror: { name: "O", opt_start_seq: 4 } });
    const subject_transforms = [
      { src: "o.a", dest: "copy.a" },
      { src: "o.b", dest: "" },
    ];
    await create(js, "RENAMED", { mirror: { name: "O", subject_transforms } });
    for (const stream of ["FILTERED", "LATE", "RENAMED"]) await copied(js, stream, 4);
    expect(await contents(js, "FILTERED")).toEqual(["3 o.b o.b 1", "4 o.b o.b 2"]);
    expect(await contents(js, "LATE")).toEqual(["4 o.b o.b 2"]);
    expect((await contents(js, "RENAMED")).map((line) => line.split(" ")[1])).toEqual([
      "copy.a",
      "copy.a",
      "o.b",
      "o.b",
    ]);
  });

  it("waits for its origin, tells so, and becomes a stream of its own", async () => {
    const js = await start();
    await create(js, "M", { mirror: { name: "O" } });
    await js.advance(10);
    const { mirror } = await js.ask<{ mirror: { error: { err_code: number }; active: number } }>(
      "STREAM.INFO.M",
    );
    expect(mirror).toMatchObject({ active: -1, error: { err_code: 10059 } });
    await create(js, "O", { subjects: ["o.*"] });
    await publish(js, "o.a", 2);
    await copied(js, "M", 2);
    await js.ask("STREAM.UPDATE.M", { name: "M", storage: "memory", subjects: ["m.*"] });
    await publish(js, "o.a", 1);
    await publish(js, "m.a", 1);
    await js.advance(5_000);
    expect((await contents(js, "M")).at(-1)).toBe("3 m.a m.a 1");
  });

  it("goes on after a restart, and does not take what it has", async () => {
    const first = await start();
    await create(first, "O", { subjects: ["o.*"], storage: "file" });
    await create(first, "M", { mirror: { name: "O" }, storage: "file" });
    await publish(first, "o.a", 5);
    await copied(first, "M", 5);
    const second = await start(first);
    await publish(second, "o.a", 5);
    await copied(second, "M", 10);
    expect(await contents(second, "M")).toEqual(await contents(second, "O"));
  });

  it("answers direct gets of its origin when that is elsewhere", async () => {
    const js = await JetStreamFixture.start({ clock, domain: "here" });
    await create(js, "O", { subjects: ["o.*"], allow_direct: true });
    await publish(js, "o.a", 1);
    await create(js, "M", { mirror: { name: "O" } });
    await copied(js, "M", 1);
    await js.ask("STREAM.DELETE.O");
    const inbox = js.inbox();
    js.send("$JS.API.DIRECT.GET.O.o.a", "", inbox.subject);
    expect(inbox.take()[0]).toContain("o.a 1");
  });
});

describe("sources", () => {
  it("bring messages of several streams together, and tell where each comes from", async () => {
    const js = await start();
    await create(js, "A", { subjects: ["a.*"] });
    await create(js, "B", { subjects: ["b.*"] });
    await publish(js, "a.x", 2);
    const sources = [
      { name: "A" },
      { name: "B", filter_subject: "b.y" },
      { name: "B", subject_transforms: [{ src: "b.z", dest: "zed" }] },
    ];
    await create(js, "ALL", { sources, subjects: ["own"] });
    await copied(js, "ALL", 2);
    await publish(js, "b.x", 1);
    await publish(js, "b.y", 1);
    await copied(js, "ALL", 3);
    await publish(js, "b.z", 1);
    await copied(js, "ALL", 4);
    await publish(js, "own", 1);
    expect((await contents(js, "ALL")).map((line) => line.split(" ")[1])).toEqual([
      "a.x",
      "a.x",
      "b.y",
      "zed",
      "own",
    ]);
    expect(await sourceHeaders(js, "ALL")).toEqual([
      "A 1 > > a.x",
      "A 2 > > a.x",
      "B 2 b.y > b.y",
      "B 3 b.z zed b.z",
      undefined,
    ]);
    const { sources: told } = await js.ask<{ sources: { name: string; filter_subject?: string }[] }>(
      "STREAM.INFO.ALL",
    );
    expect(told.map(({ name, filter_subject: filter }) => [name, filter])).toEqual([
      ["A", undefined],
      ["B", "b.y"],
      ["B", undefined],
    ]);
  });

  it("bring each message once, over restarts, also when what they brought is gone again", async () => {
    const first = await start();
    await create(first, "O", { subjects: ["o.*"], storage: "file" });
    await create(first, "Q", { sources: [{ name: "O" }], storage: "file", retention: "workqueue" });
    await first.consumer("Q", "c");
    await publish(first, "o.a", 5);
    await copied(first, "Q", 5);
    const inbox = await first.pull("Q", "c", { batch: 5 });
    await eventually(first, () => inbox.received.length === 5);
    for (const message of inbox.received) await first.ack(message);
    expect(await first.streamState("Q")).toMatchObject({ messages: 0 });
    await first.publish("o.a", "flush").next();
    await copied(first, "Q", 6);
    const second = await start(first);
    await publish(second, "o.a", 1);
    await copied(second, "Q", 7);
    await second.advance(20_000);
    expect((await second.streamState("Q")).last_seq).toBe(7);
  });

  it("start over from what is stored when messages were not", async () => {
    const durability = new HeldDurability(openMemoryStorage({ clock }));
    const js = await JetStreamFixture.start({ clock, fileStorage: durability.storage });
    await create(js, "O", { subjects: ["o.*"] });
    await create(js, "S", { sources: [{ name: "O" }], storage: "file" });
    await publish(js, "o.a", 2);
    await copied(js, "S", 2);
    durability.fail(3);
    await settled();
    await publish(js, "o.a", 1);
    await copied(js, "S", 3);
    expect(await contents(js, "S")).toHaveLength(3);
  });

  it("skip duplicates, and wait while there is no room", async () => {
    const js = await start();
    await create(js, "O", { subjects: ["o.*"] });
    await create(js, "S", {
      sources: [{ name: "O" }],
      duplicate_window: 60e9,
      max_msgs: 2,
      discard: "new",
    });
    await js.publish("o.a", "1", { "Nats-Msg-Id": "1" }).next();
    await copied(js, "S", 1);
    await js.advance(130_000);
    await js.publish("o.a", "again", { "Nats-Msg-Id": "1" }).next();
    await js.publish("o.a", "2").next();
    await js.publish("o.a", "3").next();
    await js.advance(3_000);
    expect(await js.streamState("S")).toMatchObject({ messages: 2 });
    await js.ask("STREAM.PURGE.S");
    await js.advance(70_000);
    const left = (await contents(js, "S")).map((line) => line.split(" ")[2]);
    expect(left.at(-1)).toBe("3");
  });

  it("change with the configuration", async () => {
    const js = await start();
    await create(js, "A", { subjects: ["a.*"] });
    await create(js, "B", { subjects: ["b.*"] });
    await create(js, "S", { sources: [{ name: "A" }] });
    await publish(js, "a.x", 1);
    await copied(js, "S", 1);
    await js.ask("STREAM.UPDATE.S", { name: "S", storage: "memory", sources: [{ name: "B" }] });
    await publish(js, "a.x", 1);
    await publish(js, "b.x", 1);
    await copied(js, "S", 2);
    await js.advance(5_000);
    expect(await sourceHeaders(js, "S")).toEqual(["A 1 > > a.x", "B 1 > > b.x"]);
  });

  it("come through the API of a domain and its own deliver prefix", async () => {
    const js = await JetStreamFixture.start({ clock, domain: "hub" });
    await create(js, "O", { subjects: ["o.*"] });
    const external = { api: "$JS.hub.API", deliver: "deliver.here" };
    await create(js, "S", { sources: [{ name: "O", external }] });
    await publish(js, "o.a", 2);
    await copied(js, "S", 2);
    expect(await contents(js, "S")).toHaveLength(2);
    expect(await sourceHeaders(js, "S")).toEqual([
      expect.stringMatching(/^O:\w{8} 1 > > o\.a$/),
      expect.stringMatching(/^O:\w{8} 2 > > o\.a$/),
    ]);
  });

  it("add up the counters of several streams", async () => {
    const js = await start();
    const counter = { allow_msg_counter: true };
    await create(js, "A", { subjects: ["a.*"], ...counter });
    await create(js, "B", { subjects: ["b.*"], ...counter });
    const into = (name: string, src: string) => ({ name, subject_transforms: [{ src, dest: "n" }] });
    await create(js, "SUM", { sources: [into("A", "a.n"), into("B", "b.n")], ...counter });
    for (const [subject, by] of [
      ["a.n", "5"],
      ["b.n", "7"],
      ["a.n", "-1"],
    ] as const) {
      const { last_seq: last } = await js.streamState("SUM");
      await js.publish(subject, "", { "Nats-Incr": by }).next();
      await copied(js, "SUM", last + 1);
    }
    expect((await contents(js, "SUM")).at(-1)).toBe('3 n {"val":"11"}');
  });
});

describe("a copy through a consumer that exists", () => {
  const flow = (name: string) => ({
    durable_name: name,
    deliver_subject: `to.${name}`,
    ack_policy: "flow_control",
  });
  const through = (name: string) => ({ name: "O", consumer: { name, deliver_subject: `to.${name}` } });

  it("acknowledges what is durable, so that a work queue lets go of it, over restarts", async () => {
    const first = await start();
    await create(first, "O", { subjects: ["o.*"], storage: "file", retention: "workqueue" });
    await first.consumer("O", "c", { ...flow("c"), max_ack_pending: 2 });
    await create(first, "S", { sources: [through("c")], storage: "file" });
    await publish(first, "o.a", 5);
    await copied(first, "S", 5);
    await eventually(first, async () => (await first.streamState("O")).messages === 0);
    expect(await first.streamState("O")).toMatchObject({ messages: 0 });
    expect(await first.info("O", "c")).toMatchObject({ num_ack_pending: 0, ack_floor: { stream_seq: 5 } });
    const second = await start(first);
    await publish(second, "o.a", 2);
    await copied(second, "S", 7);
    expect(await contents(second, "S")).toHaveLength(7);
  });

  it("asks for a consumer that is acknowledged so", async () => {
    const js = await start();
    await create(js, "O", { subjects: ["o.*"] });
    await js.consumer("O", "plain", { deliver_subject: "to.plain" });
    await create(js, "M", { mirror: through("plain") });
    await js.advance(10);
    const { mirror } = await js.ask<{ mirror: { error: { err_code: number } } }>("STREAM.INFO.M");
    expect(mirror.error.err_code).toBe(10214);
  });

  it("is refused when it says where to begin, or the consumer is no push consumer with flow control", async () => {
    const js = await start();
    await create(js, "O", { subjects: ["o.*"] });
    const refusal = (asked: Promise<unknown>) =>
      asked.then(
        () => undefined,
        (error: { err_code: number }) => error.err_code,
      );
    const mirror = (fields: object) => refusal(create(js, "M", { mirror: { ...through("c"), ...fields } }));
    expect(await mirror({ opt_start_seq: 5 })).toBe(10213);
    expect(await mirror({ filter_subject: "o.a" })).toBe(10213);
    expect(await mirror({ consumer: { name: "", deliver_subject: "x" } })).toBe(10213);
    const sources = [{ ...through("c"), consumer: { name: "c", deliver_subject: "x.*" } }];
    expect(await refusal(create(js, "S", { sources }))).toBe(10215);
    const consumer = (fields: object) => refusal(js.consumer("O", "c", { ...flow("c"), ...fields }));
    expect(await consumer({ deliver_subject: undefined })).toBe(10218);
    expect(await consumer({ ack_wait: 1e9 })).toBe(10221);
    expect(await consumer({ max_deliver: 3 })).toBe(10222);
    expect(await consumer({ max_ack_pending: -1 })).toBe(10220);
  });
});
