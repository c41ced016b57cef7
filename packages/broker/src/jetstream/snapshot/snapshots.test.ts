import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { openFileStorage, type Storage } from "@ganglion/store";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JetStreamFixture, type Received } from "../jetstream-fixture.js";

let directory: string;
let clock: VirtualClock;
let storage: Storage | undefined;
let js: JetStreamFixture;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ganglion-snapshot-"));
  clock = new VirtualClock();
  js = await start();
});

afterEach(async () => {
  await js.jetstream.close();
  await storage?.close();
  await rm(directory, { recursive: true, force: true });
});

async function start(): Promise<JetStreamFixture> {
  await js?.jetstream.close();
  await storage?.close();
  storage = await openFileStorage({ directory, clock });
  return JetStreamFixture.start({ clock, fileStorage: storage });
}

/** Runs what is not on the virtual clock until `done` has something to say. */
async function until<T>(done: () => T | undefined): Promise<T> {
  const deadlineMs = Date.now() + 10_000;
  while (Date.now() < deadlineMs) {
    const found = done();
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it did not happen");
}

interface Snapshot {
  readonly config: object;
  readonly state: object;
  readonly chunks: Buffer[];
  readonly end: Received;
}

/** Asks for a snapshot as `nats stream backup` does. @param acknowledges - whether chunks are answered. */
async function snapshot(request: object = {}, acknowledges = true): Promise<Snapshot> {
  const chunks: Buffer[] = [];
  let end: Received | undefined;
  const inbox = js.inbox("snapshot.end");
  const stop = js.bus.subscribe("snapshot.here", (message) => {
    const { data, reply, headerSizeBytes } = message;
    if (data.length > headerSizeBytes) chunks.push(Buffer.from(data));
    else js.bus.publish({ subject: "snapshot.end", headerSizeBytes, data });
    if (reply !== undefined && acknowledges) js.send(reply, "");
  });
  const body = { deliver_subject: "snapshot.here", ...request };
  const { config, state } = await js.ask<Snapshot>("STREAM.SNAPSHOT.S", body);
  for (let turn = 0; end === undefined && turn < 20_000; turn++) {
    await js.advance(acknowledges ? 0 : 100);
    [end] = inbox.received;
  }
  stop();
  if (end === undefined) throw new Error("the snapshot has no end");
  return { config, state, chunks, end };
}

/** Sends a backup as `nats stream restore` does. @returns the last answer. */
async function restore(
  config: object,
  chunks: readonly Buffer[],
  state: object = {},
): Promise<Record<string, unknown>> {
  const { deliver_subject: subject } = await js.ask<{ deliver_subject: string }>("STREAM.RESTORE.S", {
    config,
    state,
  });
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const inbox = js.inbox();
    js.bus.publish({ subject, reply: inbox.subject, headerSizeBytes: 0, data: chunk });
    const answer = await until(() => inbox.received[0]);
    if (answer.payload !== "") return JSON.parse(answer.payload) as Record<string, unknown>;
  }
  throw new Error("the restore was not answered");
}

/** Text that does not compress well. */
const payload = (n: number) => createHash("sha512").update(String(n)).digest("base64");

async function filled(): Promise<void> {
  await js.stream("S", { storage: "file", description: "kept" });
  await js.consumer("S", "c");
  for (let n = 1; n <= 200; n++) await js.publish(`S.${n % 7}`, payload(n), { N: String(n) }).next();
  for (const seq of [1, 50, 200]) await js.ask("STREAM.MSG.DELETE.S", { seq });
  const inbox = await js.pull("S", "c", { batch: 3 });
  await js.ack(inbox.received[0]);
}

async function everything(): Promise<object> {
  const { ts: _, ...info } = await js.ask<Record<string, unknown>>("STREAM.INFO.S", {
    deleted_details: true,
  });
  const { ts: __, ...consumer } = await js.ask<Record<string, unknown>>("CONSUMER.INFO.S.c");
  const messages = [];
  for (let seq = 2; seq < 200; seq++)
    messages.push(await js.ask("STREAM.MSG.GET.S", { seq }).catch(() => undefined));
  return { info, consumer: { ...consumer, delivered: undefined, ack_floor: undefined }, messages };
}

describe("a snapshot", () => {
  it("is restored to what it was, with its consumers, and is there after a restart", async () => {
    await filled();
    const before = await everything();
    const told = js.inbox("$JS.EVENT.ADVISORY.STREAM.>");
    const { config, state, chunks, end } = await snapshot({ chunk_size: 1024 });
    expect(end.headers?.status).toBe(204);
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.every((chunk) => chunk.length <= 1024)).toBe(true);
    await js.ask("STREAM.DELETE.S");
    expect(await restore(config, chunks, state)).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_create_response",
      config: { description: "kept" },
    });
    expect(await everything()).toEqual(before);
    const types = told.received.map(({ payload }) =>
      (JSON.parse(payload) as { type: string }).type.split(".").at(-1),
    );
    expect(types).toEqual([
      "snapshot_create",
      "snapshot_complete",
      "stream_action",
      "restore_create",
      "stream_action",
      "restore_complete",
    ]);
    js = await start();
    expect(await everything()).toEqual(before);
    expect(JSON.parse((await js.publish("S.1", "next").next()).payload)).toMatchObject({ seq: 201 });
  });

  it("can leave the consumers out", async () => {
    await filled();
    const { config, chunks } = await snapshot({ no_consumers: true });
    await js.ask("STREAM.DELETE.S");
    await restore(config, chunks);
    expect(await js.ask("CONSUMER.NAMES.S")).toMatchObject({ consumers: [] });
  });

  it("stops when nobody acknowledges, or nobody listens", async () => {
    await filled();
    const { end } = await snapshot({ chunk_size: 1024, window_size: 1024 }, false);
    expect(end.headers).toMatchObject({ status: 408, description: "No Flow Response" });
    const told = js.inbox("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE.S");
    await js.ask("STREAM.SNAPSHOT.S", { deliver_subject: "nobody.here" });
    for (let turn = 0; told.received.length === 0 && turn < 20_000; turn++) await js.advance(100);
    expect(told.received[0]?.payload).toContain("No Interest");
  });

  it("is refused for what is not there or cannot be delivered to", async () => {
    const code = (verb: string, body?: object) =>
      js.ask(verb, body).then(
        () => undefined,
        (error: { err_code: number }) => error.err_code,
      );
    expect(await code("STREAM.SNAPSHOT.S", { deliver_subject: "x" })).toBe(10059);
    expect(await code("STREAM.SNAPSHOT.S")).toBe(10003);
    await js.stream("S");
    expect(await code("STREAM.SNAPSHOT.S", { deliver_subject: "x.*" })).toBe(10015);
    expect(await code("STREAM.RESTORE.S", { config: { name: "S" } })).toBe(10130);
    expect(await code("STREAM.RESTORE.T", { config: { name: "S" } })).toBe(10056);
  });
});

describe("a restore", () => {
  it("refuses what is no backup of this broker, and leaves nothing behind", async () => {
    const error = (description: string) => ({
      error: { err_code: 10062, description: expect.stringContaining(description) },
    });
    const foreign = Buffer.from([0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50]);
    expect(await restore({ name: "S" }, [foreign])).toMatchObject(error("backups of nats-server"));
    await filled();
    const { config, chunks } = await snapshot();
    await js.ask("STREAM.DELETE.S");
    const [first = Buffer.alloc(0)] = chunks;
    expect(await restore(config, [first.subarray(0, first.length - 20)])).toMatchObject(
      error("unexpected end"),
    );
    const broken = Buffer.from(first);
    broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 0xff;
    expect(await restore(config, [broken])).toMatchObject({ error: { err_code: 10062 } });
    js = await start();
    expect(await js.ask("STREAM.NAMES")).toMatchObject({ streams: null });
    expect(await restore(config, chunks)).toMatchObject({ state: { messages: 197 } });
  });

  it("that is interrupted is gone, also when the broker was killed meanwhile", async () => {
    await filled();
    const { config, chunks } = await snapshot({ chunk_size: 1024 });
    await js.ask("STREAM.DELETE.S");
    const { deliver_subject: subject } = await js.ask<{ deliver_subject: string }>("STREAM.RESTORE.S", {
      config,
    });
    for (const chunk of chunks.slice(0, 4)) {
      const inbox = js.inbox();
      js.bus.publish({ subject, reply: inbox.subject, headerSizeBytes: 0, data: chunk });
      await until(() => inbox.received[0]);
    }
    js = await start();
    expect(await js.ask("STREAM.NAMES")).toMatchObject({ streams: null });
    // What a killed broker leaves: a stream that says it is not complete.
    const limits = { maxMessages: 0, maxBytes: 0, maxAgeUs: 0, maxMessagesPerSubject: 0 };
    const listener = { durable: () => {}, failed: () => {}, removed: () => {} };
    const metadata = { config, createdUs: 1, restoring: true };
    await storage?.createStream("TEST", "S", { metadata, limits, listener });
    js = await start();
    expect(await js.ask("STREAM.NAMES")).toMatchObject({ streams: null });
    expect(await restore(config, chunks)).toMatchObject({ state: { messages: 197 } });
  });

  it("that stalls is given up", async () => {
    await js.ask("STREAM.RESTORE.S", { config: { name: "S" } });
    await js.advance(5_001);
    await js.stream("S");
    expect(await js.ask("STREAM.NAMES")).toMatchObject({ streams: ["S"] });
  });
});
