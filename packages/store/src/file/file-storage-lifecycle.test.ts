import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@ganglion/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import { delivery } from "../contract/consumer-store-contract.js";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import { storeError } from "../errors.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import type { Storage, StoredMetadata } from "../storage.js";
import { openFileStorage } from "./file-storage.js";

let disk: SimulatedFileSystem;

beforeEach(() => {
  disk = new SimulatedFileSystem();
});

function open(): Promise<Storage> {
  return openFileStorage({ directory: "/store", fileSystem: disk, clock: new VirtualClock() });
}

/** Opens the storage as another process would, after this one was killed. */
function reopen(): Promise<Storage> {
  disk = disk.afterCrash("keep", 1);
  return open();
}

function options(metadata: StoredMetadata = {}) {
  return { metadata, limits: UNLIMITED, listener: new RecordingListener() };
}

describe("file storage", () => {
  it("finds streams, metadata, consumers and their state again, whatever their names", async () => {
    const storage = await open();
    const names = ["ORDERS", "orders", "a/../b", "☃", "x".repeat(255)];
    for (const name of names) {
      const stream = await storage.createStream("$G", name, options({ subjects: [name] }));
      const consumer = await stream.createConsumer(name, { durable: name });
      stream.messages.append(textMessage("a", name));
      consumer.append(delivery(1));
      await stream.messages.flush();
      await stream.updateMetadata({ subjects: [name], more: true });
    }
    const again = await reopen();
    expect(
      again
        .streams()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
    for (const name of names) {
      const stream = await again.openStream("$G", name, options());
      expect(stream.metadata).toEqual({ subjects: [name], more: true });
      expect(stream.consumers()).toEqual([{ name, metadata: { durable: name } }]);
      expect(stream.openConsumer(name).load()?.delivered.stream).toBe(1);
      expect(Buffer.from(stream.messages.read(1)?.data ?? []).toString()).toBe(name);
    }
    expect([again.streams(), again.problems()]).toEqual([[], []]);
  });

  it("gives every name once: STREAM_EXISTS, STREAM_OPEN, STREAM_NOT_FOUND", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options());
    await expect(storage.createStream("acc", "s", options())).rejects.toMatchObject({
      code: "STREAM_EXISTS",
    });
    await expect(storage.openStream("acc", "s", options())).rejects.toMatchObject({ code: "STREAM_OPEN" });
    await expect(storage.openStream("acc", "t", options())).rejects.toMatchObject({
      code: "STREAM_NOT_FOUND",
    });
    await stream.close();
    await expect(storage.createStream("acc", "s", options())).rejects.toMatchObject({
      code: "STREAM_EXISTS",
    });
    expect((await storage.openStream("acc", "s", options())).messages.state().lastSequence).toBe(0);
  });

  it("deletes a stream with everything, open or not, and finishes a deletion that was interrupted", async () => {
    const storage = await open();
    for (const name of ["open", "closed", "interrupted"]) await storage.createStream("acc", name, options());
    await storage.deleteStream("acc", "open");
    await storage.deleteStream("acc", "never-was");
    await storage.close();
    await expect(storage.deleteStream("acc", "closed")).rejects.toMatchObject({ code: "STORE_CLOSED" });
    const second = await reopen();
    await second.deleteStream("acc", "closed");
    disk.intercept = ({ kind }) =>
      kind === "remove" ? storeError("STORE_UNAVAILABLE", "killed") : undefined;
    await expect(second.deleteStream("acc", "interrupted")).rejects.toThrow(/killed/);
    expect(disk.files().length).toBeGreaterThan(0);
    const third = await reopen();
    expect([third.streams(), disk.files()]).toEqual([[], []]);
    await third.createStream("acc", "open", options());
  });

  it("creates nothing when creation fails, and lets it be tried again", async () => {
    const storage = await open();
    disk.intercept = ({ path }) =>
      path.endsWith("stream.b.json") ? storeError("STORE_UNAVAILABLE", "no space") : undefined;
    await expect(storage.createStream("acc", "s", options())).rejects.toThrow(/no space/);
    disk.intercept = () => undefined;
    const stream = await storage.createStream("acc", "s", options());
    disk.intercept = ({ path }) =>
      path.includes("consumers/") ? storeError("STORE_UNAVAILABLE", "no space") : undefined;
    await expect(stream.createConsumer("c", {})).rejects.toThrow(/no space/);
    expect(stream.consumers()).toEqual([]);
    disk.intercept = () => undefined;
    await stream.createConsumer("c", {});
    expect((await reopen()).streams()).toHaveLength(1);
  });

  it("repairs one damaged copy of metadata and tells", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options({ version: 1 }));
    await stream.createConsumer("c", { version: 2 });
    for (const name of ["/stream.a.json", "/c.b.json"]) flipIn(name);
    const again = await reopen();
    expect((await again.openStream("acc", "s", options())).consumers()).toEqual([
      { name: "c", metadata: { version: 2 } },
    ]);
    expect(again.problems().map(({ where }) => where.split("/").at(-1))).toEqual([
      "stream.a.json",
      "c.b.json",
    ]);
    const third = await reopen();
    expect([third.problems(), third.streams()[0]?.metadata]).toEqual([[], { version: 1 }]);
  });

  it("keeps the data of a stream whose metadata is lost, refuses its name, and tells", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options());
    stream.messages.append(textMessage("a", "precious"));
    await stream.messages.flush();
    for (const name of ["/stream.a.json", "/stream.b.json"]) flipIn(name);
    const again = await reopen();
    expect(again.streams()).toEqual([]);
    expect(again.problems().at(-1)?.problem).toMatch(/Its data is left as it is/);
    await expect(again.createStream("acc", "s", options())).rejects.toMatchObject({ code: "STREAM_EXISTS" });
    expect(disk.files().some(({ path }) => path.endsWith(".seg"))).toBe(true);
  });

  it("keeps the state of a consumer whose metadata is lost, and tells", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options());
    const consumer = await stream.createConsumer("c", {});
    consumer.append(delivery(1));
    await stream.messages.flush();
    for (const name of ["/c.a.json", "/c.b.json"]) flipIn(name);
    const again = await reopen();
    const opened = await again.openStream("acc", "s", options());
    expect([opened.consumers(), again.problems()]).toEqual([[], expect.arrayContaining([expect.anything()])]);
  });

  it("reports changes of consumers that two damaged places cost", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options());
    const consumer = await stream.createConsumer("c", {});
    for (const sequence of [1, 2, 3]) {
      consumer.append(delivery(sequence));
      await stream.messages.flush();
    }
    const { path = "", sizeBytes = 0 } = disk.files().find((file) => file.path.includes("consumers-")) ?? {};
    const record = (sizeBytes - 4096 - 2 * 44) / 6; // one definition and three deliveries, each twice
    for (const copy of [0, 1]) disk.flip(path, Math.floor(sizeBytes - record * (3 + copy)) + 10, 1);
    const again = await reopen();
    const opened = await again.openStream("acc", "s", options());
    expect(opened.openConsumer("c").load()?.delivered.stream).toBe(3);
    expect(
      again
        .problems()
        .map(({ problem }) => problem)
        .join("\n"),
    ).toMatch(/changes of consumers are lost: records/);
  });

  it("goes on above what a consumer saw, when a weak sync policy lost the end of the stream", async () => {
    const storage = await open();
    const stream = await storage.createStream("acc", "s", options());
    const consumer = await stream.createConsumer("c", {});
    consumer.append(delivery(41));
    await stream.messages.flush();
    const opened = await (await reopen()).openStream("acc", "s", options());
    expect(opened.messages.append(textMessage("a"))).toBe(42);
  });

  it("refuses everything after close, which is idempotent, and gives back the lock", async () => {
    const storage = await open();
    await expect(open()).rejects.toMatchObject({ code: "STORE_LOCKED" });
    const stream = await storage.createStream("acc", "s", options());
    await Promise.all([storage.close(), storage.close()]);
    await expect(storage.createStream("acc", "t", options())).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await expect(stream.updateMetadata({})).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await expect(stream.createConsumer("c", {})).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await (await open()).close();
  });

  it("gives back the lock when it cannot open", async () => {
    const stream = await (await open()).createStream("acc", "s", options());
    await stream.close();
    disk = disk.afterCrash("keep", 1);
    flipIn("/stream.a.json");
    disk.intercept = () => storeError("STORE_UNAVAILABLE", "read-only");
    await expect(open()).rejects.toThrow(/read-only/);
    disk.intercept = () => undefined;
    await (await open()).close();
  });
});

describe("file storage on this machine's disk", () => {
  it("keeps messages over a reopening and refuses a second opener", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ganglion-storage-"));
    try {
      const storage = await openFileStorage({ directory });
      await expect(openFileStorage({ directory })).rejects.toMatchObject({ code: "STORE_LOCKED" });
      const stream = await storage.createStream("acc", "s", options());
      const big = Buffer.alloc(3_000_000, "b");
      stream.messages.append({ subject: "big", timestampUs: 1, headerSizeBytes: 0, data: big });
      for (let count = 0; count < 2_000; count++) stream.messages.append(textMessage("a", `m${count}`));
      await stream.messages.flush();
      await storage.close();
      const again = await openFileStorage({ directory });
      const opened = await again.openStream("acc", "s", options());
      expect(Buffer.from(opened.messages.read(1)?.data ?? []).equals(big)).toBe(true);
      expect(Buffer.from(opened.messages.read(2_001)?.data ?? []).toString()).toBe("m1999");
      await again.deleteStream("acc", "s");
      await again.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** Turns over a bit in the middle of the file whose path ends so. */
function flipIn(ending: string): void {
  const file = disk.files().find(({ path }) => path.endsWith(ending));
  if (file === undefined) throw expect.unreachable(`no file ends with ${ending}`);
  disk.flip(file.path, Math.floor(file.sizeBytes / 2), 2);
}
