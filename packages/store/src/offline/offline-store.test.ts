import { isGanglionError, VirtualClock } from "@ganglion/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import { openFileStorage } from "../file/file-storage.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import { checkStore, dumpStore, repairStore } from "./offline-store.js";
import { OverlayFileSystem } from "./overlay-file-system.js";

let disk: SimulatedFileSystem;

beforeEach(async () => {
  disk = new SimulatedFileSystem();
  const clock = new VirtualClock();
  const storage = await openFileStorage({
    directory: "/s",
    fileSystem: disk,
    clock,
    segmentSizeBytes: 20_000,
  });
  const options = { limits: UNLIMITED, listener: new RecordingListener(), metadata: {} };
  const stream = await storage.createStream("A", "S", options);
  for (let n = 1; n <= 150; n++) stream.messages.append(textMessage("s", `${n}:${"x".repeat(200)}`));
  await storage.close();
});

/** Damages the first message with this text. */
function flip(text: string): void {
  for (const { path, sizeBytes } of disk.files()) {
    const bytes = Buffer.alloc(sizeBytes);
    disk.read(path, 0, bytes);
    if (!path.endsWith(".seg") || !bytes.includes(text)) continue;
    disk.flip(path, bytes.indexOf(text) + text.length + 1, 1);
    return;
  }
}

const offline = () => ({ directory: "/s", fileSystem: disk });

describe("checkStore and repairStore", () => {
  it("agree on what is lost; only repair changes files", async () => {
    flip("20:x");
    flip("149:x");
    const lost = [
      { firstSequence: 20, lastSequence: 20 },
      { firstSequence: 149, lastSequence: 149 },
    ];
    const { operations } = disk;
    expect((await checkStore(offline())).streams).toMatchObject([{ messages: 148, damagedFiles: 2, lost }]);
    expect(disk.operations).toBe(operations);
    expect((await repairStore(offline())).streams).toMatchObject([{ messages: 148, damagedFiles: 0, lost }]);
    const after = await checkStore(offline());
    expect(after).toMatchObject({ problems: [], streams: [{ messages: 148, damagedFiles: 0, lost }] });
  });

  it("refuse a directory without a store", async () => {
    const failure = await checkStore({ directory: "/nowhere", fileSystem: disk }).catch(
      (error: unknown) => error,
    );
    expect(isGanglionError(failure, "STORE_NOT_FOUND")).toBe(true);
  });
});

it("dumpStore gives every message that can be read", async () => {
  flip("20:x");
  const sequences: number[] = [];
  for await (const item of dumpStore(offline()))
    if (item.kind === "message") sequences.push(item.message.sequence);
  expect(sequences).toEqual(Array.from({ length: 150 }, (_, index) => index + 1).filter((n) => n !== 20));
});

it("OverlayFileSystem keeps changes to itself", async () => {
  const overlay = new OverlayFileSystem(disk);
  const before = JSON.stringify(disk.files());
  const file = await overlay.open("/s/streams/new");
  await file.write(2, [Buffer.from("cd")]);
  await file.truncate(3);
  await file.sync();
  await file.close();
  await overlay.rename("/s/streams/new", "/s/streams/other");
  const bytes = Buffer.alloc(3);
  expect([overlay.read("/s/streams/other", 0, bytes), bytes.toString("latin1")]).toEqual([3, "\0\0c"]);
  expect(await overlay.list("/s/streams")).toContain("other");
  expect(() => overlay.sizeOf("/s/streams/new")).toThrow(/no such file/);
  for (const name of await overlay.list("/s/streams")) await overlay.remove(`/s/streams/${name}`);
  expect(await overlay.list("/s/streams")).toEqual([]);
  expect(JSON.stringify(disk.files())).toBe(before);
});
