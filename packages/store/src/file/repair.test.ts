import { isGanglionError, VirtualClock } from "@ganglion/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import { storeError } from "../errors.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import type { Storage, StreamStore } from "../storage.js";
import { openFileStorage } from "./file-storage.js";

const SCRUB_MS = 60_000;
let disk: SimulatedFileSystem;
let clock: VirtualClock;
let listener: RecordingListener;
let storage: Storage;

beforeEach(() => {
  disk = new SimulatedFileSystem();
  clock = new VirtualClock();
  listener = new RecordingListener();
});

async function open(): Promise<StreamStore> {
  storage = await openFileStorage({
    ...{ directory: "/store", fileSystem: disk, clock },
    segmentSizeBytes: 20_000,
    scrubIntervalMs: SCRUB_MS,
    scrubBytesPerSecond: 1_000_000,
  });
  const options = { limits: UNLIMITED, listener };
  const [known] = storage.streams();
  return known === undefined
    ? storage.createStream("$G", "S", { ...options, metadata: {} })
    : storage.openStream(known.account, known.name, options);
}

async function filled(): Promise<StreamStore> {
  const stream = await open();
  for (let n = 1; n <= 300; n++) stream.messages.append(textMessage("s", `${n}:${"x".repeat(200)}`));
  await stream.messages.flush();
  await turns();
  return stream;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function paths(ending: string): string[] {
  return disk
    .files()
    .map(({ path }) => path)
    .filter((path) => path.endsWith(ending))
    .sort();
}

function flip(path: string, text: string): void {
  const content = Buffer.alloc(disk.sizeOf(path));
  disk.read(path, 0, content);
  expect(content.indexOf(text)).toBeGreaterThan(0);
  disk.flip(path, content.indexOf(text) + 3, 2);
}

/** Sequences that can be read. */
function readable({ messages }: StreamStore): number[] {
  const found: number[] = [];
  for (let next = messages.next(1); next !== undefined; next = messages.next(next.sequence + 1))
    found.push(next.sequence);
  return found;
}

const ALL_BUT_20 = Array.from({ length: 300 }, (_, index) => index + 1).filter((n) => n !== 20);

describe("the scrubber", () => {
  it("finds damage that nobody has read, reports it, and says when it has checked everything", async () => {
    const { messages } = await filled();
    expect(messages.health()).toEqual({ failure: undefined, lostMessages: 0, damagedFiles: 0, checkedUs: 0 });
    const [first = ""] = paths(".seg");
    flip(first, "20:xxx");
    await clock.advanceAsync(SCRUB_MS + 1_000);
    await turns();
    expect(messages.state().lost).toMatchObject([{ firstSequence: 20, lastSequence: 20 }]);
    expect(listener.takeRemovals()).toEqual(["20 lost"]);
    expect(storage.problems().map(({ problem }) => problem)).toEqual(
      expect.arrayContaining(["a check has found damaged bytes", "message 20 is damaged"]),
    );
    const health = messages.health();
    expect([health.lostMessages, health.damagedFiles, health.checkedUs > 0]).toEqual([1, 0, true]);
    await storage.close();
  });

  it("reads slowly, checks headers too, and stops when the storage is closed", async () => {
    const { messages } = await filled();
    const [first = "", second = ""] = paths(".seg");
    for (const offset of [20, 2068]) disk.flip(second, offset, 1);
    await clock.advanceAsync(SCRUB_MS + 5);
    expect(messages.health().checkedUs).toBe(0);
    await clock.advanceAsync(1_000);
    expect(storage.problems().map(({ where }) => where)).toEqual([second]);
    expect(messages.state().lost).toEqual([]);
    await storage.close();
    expect([clock.timerCount, paths(".seg").includes(first)]).toEqual([0, true]);
  });
});

describe("a damaged segment", () => {
  it("is written anew without the damage; its copy is kept, and the loss told at every start", async () => {
    const stream = await filled();
    const [first = ""] = paths(".seg");
    flip(first, "20:xxx");
    await storage.close();
    for (const start of ["first", "second", "third"]) {
      const again = await open();
      expect([start, readable(again)]).toEqual([start, ALL_BUT_20]);
      await turns();
      expect(again.messages.state().lost).toMatchObject([{ firstSequence: 20, lastSequence: 20 }]);
      expect(errorOf(() => again.messages.read(20))).toBe("RECORD_CORRUPT");
      expect(again.messages.health().damagedFiles).toBe(0);
      await storage.close();
      expect(paths(".seg")[0]).toBe(first.replace(".seg", "-1.seg"));
      expect(paths(".damaged")).toEqual([`${first}.damaged`]);
    }
    expect(stream.messages.state().messages).toBe(300);
  });

  it.each(["lose", "keep", "prefix", "scatter"] as const)(
    "costs nothing more when the process dies while it is written anew (%s)",
    async (kind) => {
      await filled();
      const [first = "", , third = ""] = paths(".seg");
      flip(first, "20:xxx");
      for (const offset of [20, 2068]) disk.flip(third, offset, 1);
      await storage.close();
      const damaged = disk;
      for (let point = 1; point < 60; point++) {
        disk = damaged.afterCrash("keep", 1);
        disk.intercept = ({ number }) => (number >= point ? disk.powerOff() : undefined);
        await open()
          .then(turns)
          .catch(() => {});
        disk = disk.afterCrash(kind, point);
        const again = await open();
        expect([point, readable(again)]).toEqual([point, ALL_BUT_20]);
        expect(again.messages.state().lost).toMatchObject([{ firstSequence: 20, lastSequence: 20 }]);
        expect(again.messages.append(textMessage("s"))).toBe(301);
        await storage.close();
      }
    },
  );

  it("stays as it is when it cannot be written anew", async () => {
    await filled();
    const [first = ""] = paths(".seg");
    flip(first, "20:xxx");
    await storage.close();
    disk.intercept = ({ path }) =>
      path.endsWith(".damaged") ? storeError("STORE_UNAVAILABLE", "no space left") : undefined;
    const again = await open();
    await turns();
    expect([readable(again), again.messages.health().damagedFiles]).toEqual([ALL_BUT_20, 1]);
    await storage.close();
    expect([paths(".damaged"), paths(".seg")[0]]).toEqual([[], first]);
  });
});

describe("health", () => {
  it("names the reason while nothing can be written", async () => {
    const { messages } = await filled();
    disk.intercept = ({ kind }) =>
      kind === "write" || kind === "create"
        ? storeError("STORE_UNAVAILABLE", "ENOSPC: no space left")
        : undefined;
    messages.append(textMessage("s"));
    await messages.flush().catch(() => {});
    expect(messages.health().failure).toContain("ENOSPC");
    disk.intercept = () => undefined;
    await clock.advanceAsync(6_000);
    await turns();
    expect(messages.health().failure).toBeUndefined();
    await storage.close();
  });
});

function errorOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    return isGanglionError(error) ? error.code : String(error);
  }
}
