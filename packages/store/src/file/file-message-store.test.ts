import { VirtualClock } from "@ganglion/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import { storeError } from "../errors.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import type { RecoveryProblem, StreamStore, StreamStoreOptions, SyncPolicy } from "../storage.js";
import { type FileStorageOptions, openFileStorage } from "./file-storage.js";

let disk: SimulatedFileSystem;
let clock: VirtualClock;
let listener: RecordingListener;
let problems: () => readonly RecoveryProblem[];

beforeEach(() => {
  disk = new SimulatedFileSystem();
  clock = new VirtualClock();
  listener = new RecordingListener();
});

async function openStream(
  options: Partial<FileStorageOptions> = {},
  stream: Partial<StreamStoreOptions> = {},
): Promise<StreamStore> {
  const storage = await openFileStorage({ directory: "/store", fileSystem: disk, clock, ...options });
  const streamOptions = { limits: UNLIMITED, listener, ...stream };
  problems = () => storage.problems();
  const [known] = storage.streams();
  if (known !== undefined) return storage.openStream(known.account, known.name, streamOptions);
  return storage.createStream("acc", "stream", { ...streamOptions, metadata: {} });
}

/** Opens the stream as another process would, after this one was killed. */
function reopen(options?: Partial<FileStorageOptions>): Promise<StreamStore> {
  disk = disk.afterCrash("keep", 1);
  return openStream(options);
}

function segmentPaths(): string[] {
  return disk
    .files()
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".seg"))
    .sort();
}

function text(data: Uint8Array | undefined): string | undefined {
  return data && Buffer.from(data).toString();
}

/** Offset in a file of the first occurrence of `needle`. */
function offsetOf(path: string, needle: string): number {
  const content = Buffer.alloc(disk.sizeOf(path));
  disk.read(path, 0, content);
  return content.indexOf(needle);
}

describe("group commit", () => {
  it("syncs once for everything that came in the same turn", async () => {
    const { messages } = await openStream();
    let syncs = 0;
    disk.intercept = ({ kind }) => {
      if (kind === "sync") syncs++;
      return undefined;
    };
    for (let count = 0; count < 500; count++) messages.append(textMessage("a"));
    await messages.flush();
    expect([syncs, listener.durableSequence]).toEqual([1, 500]);
    await messages.flush();
    expect(syncs).toBe(1);
  });

  it("gives the disk a large group before the turn is over, and the rest as another group", async () => {
    const { messages } = await openStream();
    let syncs = 0;
    disk.intercept = ({ kind }) => {
      if (kind === "sync") syncs++;
      return undefined;
    };
    const durable: number[] = [];
    listener.onDurable = (sequence) => durable.push(sequence);
    for (let count = 0; count < 100; count++) messages.append(textMessage("a", "x".repeat(1_000)));
    expect(durable).toEqual([]);
    await messages.flush();
    expect([syncs, durable.length, durable.at(-1)]).toEqual([2, 2, 100]);
  });

  it.each<[SyncPolicy, number, number]>([
    [{ kind: "none" }, 0, 0],
    [{ kind: "interval", intervalMs: 100 }, 0, 1],
    [{ kind: "always" }, 1, 1],
  ])(
    "under the policy %j syncs %i times before durable, and %i times with time",
    async (syncPolicy, atOnce, later) => {
      const { messages } = await openStream({ syncPolicy });
      await messages.flush();
      clock.advance(1_000);
      await messages.flush();
      let syncs = 0;
      disk.intercept = ({ kind }) => {
        if (kind === "sync") syncs++;
        return undefined;
      };
      messages.append(textMessage("a"));
      await messages.flush();
      expect([listener.durableSequence, syncs]).toEqual([1, atOnce]);
      clock.advance(99);
      await turns();
      expect(syncs).toBe(atOnce);
      clock.advance(1);
      await turns();
      expect(syncs).toBe(later);
    },
  );

  it("refuses what does not fit in memory until the disk has caught up", async () => {
    const { messages } = await openStream({ maxStagedBytes: 10_000 });
    const append = () => {
      for (let count = 0; count < 100; count++) messages.append(textMessage("a", "x".repeat(1_000)));
    };
    expect(append).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true }));
    const taken = messages.state().messages;
    expect(taken).toBeLessThan(12);
    await messages.flush();
    messages.append(textMessage("a"));
    await messages.flush();
    expect(messages.durableSequence).toBe(taken + 1);
  });
});

describe("a failed write", () => {
  it("takes back what was not durable, refuses appends, and goes on in a new segment", async () => {
    const { messages } = await openStream();
    messages.append(textMessage("a", "kept"));
    await messages.flush();
    let broken = true;
    disk.intercept = ({ kind }) =>
      broken && kind === "sync" ? storeError("STORE_UNAVAILABLE", "no space") : undefined;
    expect([messages.append(textMessage("a", "lost")), messages.append(textMessage("b", "lost"))]).toEqual([
      2, 3,
    ]);
    await expect(messages.flush()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(listener.failures).toMatchObject([{ fromSequence: 2 }]);
    expect(messages.state()).toMatchObject({ messages: 1, lastSequence: 3, subjectCount: 1 });
    expect(() => messages.append(textMessage("a"))).toThrow(/no space/);
    clock.advance(100);
    await turns();
    expect(() => messages.append(textMessage("a"))).toThrow(/no space/);
    broken = false;
    clock.advance(5_000);
    await turns();
    expect(messages.append(textMessage("a", "next"))).toBe(4);
    await messages.flush();
    const { messages: again } = await reopen();
    expect(again.next(2)?.sequence).toBe(4);
    expect(again.state()).toMatchObject({ messages: 2, firstSequence: 1, lastSequence: 4, lost: [] });
  });

  it("keeps what a limit would have removed for a message that was lost", async () => {
    const { messages } = await openStream({}, { limits: { ...UNLIMITED, maxMessagesPerSubject: 1 } });
    messages.append(textMessage("key", "old"));
    await messages.flush();
    disk.intercept = ({ kind }) =>
      kind === "write" ? storeError("STORE_UNAVAILABLE", "no space") : undefined;
    messages.append(textMessage("key", "new"));
    await expect(messages.flush()).rejects.toThrow(/no space/);
    expect([text(messages.last("key")?.data), listener.takeRemovals()]).toEqual(["old", []]);
  });

  it("still closes, without waiting for the disk", async () => {
    const stream = await openStream();
    disk.intercept = () => storeError("STORE_UNAVAILABLE", "no disk");
    stream.messages.append(textMessage("a"));
    await stream.close();
    expect(listener.failures).toHaveLength(1);
  });
});

describe("damage", () => {
  it("is found when the message is read, costs that message only, and is reported", async () => {
    const { messages } = await openStream({ cacheSizeBytes: 0, segmentSizeBytes: 4_400 });
    for (let count = 1; count <= 9; count++)
      messages.append(textMessage("a", `number-${count}-${"x".repeat(60)}`));
    await messages.flush();
    const [path = ""] = segmentPaths();
    disk.flip(path, offsetOf(path, "number-2"), 3);
    expect(() => messages.read(2)).toThrow(expect.objectContaining({ code: "RECORD_CORRUPT" }));
    expect(messages.state()).toMatchObject({ messages: 8, lost: [{ firstSequence: 2, lastSequence: 2 }] });
    expect(messages.state().lost[0]?.where).toContain(path);
    expect(listener.takeRemovals()).toEqual(["2 lost"]);
    expect(() => messages.read(2)).toThrow(expect.objectContaining({ code: "RECORD_CORRUPT" }));
    expect([messages.next(2)?.sequence, messages.read(99)]).toEqual([3, undefined]);
    expect(problems().map(({ problem }) => problem)).toEqual(["message 2 is damaged"]);
    const { messages: again } = await reopen();
    expect(() => again.read(2)).toThrow(expect.objectContaining({ code: "RECORD_CORRUPT" }));
    expect(again.state()).toMatchObject({ messages: 8, lost: [{ firstSequence: 2, lastSequence: 2 }] });
  });

  it("is passed over by next, and thrown by last", async () => {
    const { messages } = await openStream({ cacheSizeBytes: 0, segmentSizeBytes: 4_400 });
    for (let count = 1; count <= 9; count++)
      messages.append(textMessage("a", `number-${count}-${"x".repeat(60)}`));
    await messages.flush();
    const [path = ""] = segmentPaths();
    disk.flip(path, offsetOf(path, "number-1"), 3);
    disk.flip(path, offsetOf(path, "number-2"), 3);
    expect(messages.next(2)?.sequence).toBe(3);
    expect(() => messages.last("a", 1)).toThrow(expect.objectContaining({ code: "RECORD_CORRUPT" }));
  });

  it("of a file that is gone counts as loss of its messages", async () => {
    const { messages } = await openStream({ cacheSizeBytes: 0, segmentSizeBytes: 4_400 });
    for (let count = 1; count <= 9; count++) messages.append(textMessage("a", "x".repeat(60)));
    await messages.flush();
    await disk.remove(segmentPaths()[0] ?? "");
    expect(() => messages.read(1)).toThrow(expect.objectContaining({ code: "RECORD_CORRUPT" }));
  });

  it("of both headers of the only segment costs nothing: the first record tells the salt", async () => {
    const { messages } = await openStream();
    for (let count = 1; count <= 3; count++) messages.append(textMessage("a", `number-${count}`));
    await messages.flush();
    const [path = ""] = segmentPaths();
    disk.flip(path, 13, 1);
    disk.flip(path, 2048 + 13, 1);
    const { messages: again } = await reopen();
    expect([1, 2, 3].map((sequence) => text(again.read(sequence)?.data))).toEqual([
      "number-1",
      "number-2",
      "number-3",
    ]);
  });
});

describe("space", () => {
  it("erases bytes on the disk and in memory when asked to", async () => {
    const { messages } = await openStream();
    messages.append(textMessage("a", "my-secret-value"));
    messages.append(textMessage("a", "public"));
    await messages.flush();
    messages.remove(1, { erase: true });
    await messages.flush();
    expect(segmentPaths().map((path) => offsetOf(path, "my-secret-value"))).toEqual([-1]);
    const { messages: again } = await reopen();
    expect(again.state()).toMatchObject({ messages: 1, firstSequence: 2, lost: [] });
  });

  it("is given back: dead segments are removed, mostly dead neighbours merged, the rest stays readable", async () => {
    const { messages } = await openStream({ segmentSizeBytes: 8_000 });
    for (let count = 1; count <= 400; count++)
      messages.append(textMessage(`s.${count}`, `value-${count}-${"x".repeat(80)}`));
    await messages.flush();
    const before = segmentPaths().length;
    for (let sequence = 1; sequence <= 400; sequence++) {
      if (sequence <= 150 || sequence % 10 !== 0) messages.remove(sequence);
    }
    await messages.flush();
    await turns(500);
    expect(before).toBeGreaterThan(10);
    expect(segmentPaths().length).toBeLessThan(before / 3);
    const check = (store: typeof messages) => {
      expect(store.state()).toMatchObject({ messages: 25, firstSequence: 160, lastSequence: 400, lost: [] });
      expect(text(store.read(250)?.data)).toMatch(/^value-250-/);
    };
    check(messages);
    check((await reopen({ segmentSizeBytes: 8_000 })).messages);
  });

  it("holds no more file content in memory than the cache may", async () => {
    const { messages } = await openStream({ segmentSizeBytes: 300_000, cacheSizeBytes: 200_000 });
    for (let count = 1; count <= 3_000; count++) messages.append(textMessage("a", "x".repeat(1_000)));
    await messages.flush();
    for (const pass of [1, 2]) {
      for (let sequence = 1; sequence <= 3_000; sequence += 7)
        expect(messages.read(sequence)?.sequence, `${pass}`).toBe(sequence);
    }
  });

  it("stores a message larger than a segment, and refuses a subject that does not fit a record", async () => {
    const { messages } = await openStream({ segmentSizeBytes: 8_000 });
    messages.append(textMessage("a", "small"));
    messages.append(textMessage("a", "y".repeat(300_000)));
    messages.append(textMessage("a", "small"));
    await messages.flush();
    expect(() => messages.append(textMessage("s".repeat(70_000)))).toThrow(
      expect.objectContaining({ code: "RECORD_TOO_LARGE" }),
    );
    const { messages: again } = await reopen({ segmentSizeBytes: 8_000 });
    expect(again.read(2)?.data.length).toBe(300_000);
    expect(again.state().messages).toBe(3);
  });
});

/** Lets everything that is in progress come to its end. */
async function turns(count = 30): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a batch", () => {
  it("is there as a whole or not at all, wherever its writing was interrupted", async () => {
    const { messages } = await openStream();
    messages.append(textMessage("before"));
    messages.appendBatch(["one", "two", "three", "four"].map((word) => textMessage("s", word)));
    await messages.flush();
    const [path = ""] = segmentPaths();
    const written = disk;
    const counts = new Set<number>();
    for (let end = offsetOf(path, "one") - 100; end <= written.sizeOf(path); end++) {
      disk = written.afterCrash("keep", 1);
      await (await disk.open(path)).truncate(end);
      const stream = await openStream();
      const state = stream.messages.state();
      counts.add(state.messages);
      expect(state.lost).toEqual([]);
      expect(stream.messages.append(textMessage("after"))).toBe(state.lastSequence + 1);
    }
    expect([...counts].sort()).toEqual([0, 1, 5]);
  });

  it("of which a message is damaged later keeps the others", async () => {
    const { messages } = await openStream();
    messages.appendBatch(["one", "two", "three"].map((word) => textMessage("s", word)));
    await messages.flush();
    const [path = ""] = segmentPaths();
    disk.flip(path, offsetOf(path, "two"), 1);
    const { messages: found } = await reopen();
    expect([1, 3].map((sequence) => text(found.read(sequence)?.data))).toEqual(["one", "three"]);
    expect(found.state().lost).toMatchObject([{ firstSequence: 2, lastSequence: 2 }]);
  });

  it("that is larger than a segment goes to one of its own", async () => {
    const { messages } = await openStream({ segmentSizeBytes: 5_400 });
    messages.append(textMessage("before"));
    messages.appendBatch(Array.from({ length: 20 }, () => textMessage("s", "x".repeat(1000))));
    messages.append(textMessage("after"));
    await messages.flush();
    expect(segmentPaths()).toHaveLength(3);
    expect((await reopen({ segmentSizeBytes: 5_400 })).messages.state()).toMatchObject({ messages: 22 });
  });
});
