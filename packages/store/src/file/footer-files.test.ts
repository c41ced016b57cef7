import { VirtualClock } from "@ganglion/kernel";
import { beforeEach, describe, expect, it } from "vitest";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import type { FileSystem } from "../file-system.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import type { Storage, StreamStore } from "../storage.js";
import { openFileStorage } from "./file-storage.js";
import { saltedCrc32 } from "./record-codec.js";
import { decodeFooter, encodeFooter, type SegmentFooter } from "./segment-footer.js";

let disk: SimulatedFileSystem;
/** Bytes read of segments, without their headers. */
let segmentBytesRead: number;

beforeEach(() => {
  disk = new SimulatedFileSystem();
  segmentBytesRead = 0;
});

function counting(): FileSystem {
  return new Proxy(disk, {
    get(target, property: keyof FileSystem) {
      if (property !== "read") return target[property].bind(target);
      return (path: string, position: number, bytes: Uint8Array) => {
        if (path.endsWith(".seg") && bytes.length > 4_096) segmentBytesRead += bytes.length;
        return target.read(path, position, bytes);
      };
    },
  });
}

async function open(): Promise<{ readonly storage: Storage; readonly stream: StreamStore }> {
  const storage = await openFileStorage({
    directory: "/store",
    fileSystem: counting(),
    clock: new VirtualClock(),
    segmentSizeBytes: 20_000,
  });
  const options = { limits: UNLIMITED, listener: new RecordingListener() };
  const [known] = storage.streams();
  const stream =
    known === undefined
      ? await storage.createStream("$G", "S", { ...options, metadata: {} })
      : await storage.openStream(known.account, known.name, options);
  return { storage, stream };
}

/** Fills several segments, with removals and headers, and closes. @returns what is in them. */
async function filled(): Promise<string[]> {
  const { storage, stream } = await open();
  for (let n = 1; n <= 300; n++) {
    const message = textMessage(`s.${n % 5}`, `${n}:${"x".repeat(200)}`, n * 10);
    stream.messages.append(n % 3 === 0 ? { ...message, headerSizeBytes: 2 } : message);
    if (n % 50 === 0) await stream.messages.flush();
  }
  for (const sequence of [1, 7, 8, 100, 250]) stream.messages.remove(sequence);
  const before = contents(stream);
  await storage.close();
  return before;
}

function contents({ messages }: StreamStore): string[] {
  const found: string[] = [];
  for (let next = messages.next(1); next !== undefined; next = messages.next(next.sequence + 1)) {
    const { sequence, subject, timestampUs, headerSizeBytes, data } = next;
    found.push([sequence, subject, timestampUs, headerSizeBytes, Buffer.from(data)].join(" "));
  }
  return found;
}

function footerPaths(): string[] {
  return disk
    .files()
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".foot"))
    .sort();
}

async function reopened(): Promise<{ found: string[]; read: number; problems: number; lost: number }> {
  segmentBytesRead = 0;
  const { storage, stream } = await open();
  const read = segmentBytesRead;
  const found = contents(stream);
  const { lost } = stream.messages.state();
  const problems = storage.problems().length;
  await storage.close();
  return { found, read, problems, lost: lost.length };
}

describe("footers", () => {
  it("let a stream that was closed be opened without reading its segments", async () => {
    const before = await filled();
    expect(footerPaths().length).toBeGreaterThan(3);
    const { found, read, problems } = await reopened();
    expect([found, problems, read]).toEqual([before, 0, 0]);
  });

  it("tell what a segment lost at its end while the stream was closed", async () => {
    const before = await filled();
    const path = footerPaths().at(-1)?.replace(".foot", ".seg") ?? "";
    await (await disk.open(path)).truncate(disk.sizeOf(path) - 1_000);
    const { storage, stream } = await open();
    const found = contents(stream);
    const { lost, lastSequence } = stream.messages.state();
    expect(found).toEqual(before.slice(0, found.length));
    expect(found.length).toBeLessThan(before.length);
    expect(lost).toMatchObject([{ firstSequence: 301 - (before.length - found.length), lastSequence: 300 }]);
    expect([lastSequence, stream.messages.append(textMessage("s"))]).toEqual([300, 301]);
    await storage.close();
    expect((await reopened()).lost).toBe(1);
  });

  it("that are missing cost a reading of the segment, and are there again at the next start", async () => {
    const before = await filled();
    const paths = footerPaths();
    for (const path of paths) await disk.remove(path);
    const first = await reopened();
    expect([first.found, footerPaths()]).toEqual([before, paths]);
    expect(first.read).toBeGreaterThan(40_000);
    expect((await reopened()).read).toBeLessThan(20_001);
  });

  it("that are damaged anywhere are passed over", async () => {
    const before = await filled();
    const [path = ""] = footerPaths();
    const intact = disk;
    for (let offset = 0; offset < intact.sizeOf(path); offset += 37) {
      disk = intact.afterCrash("keep", 1);
      disk.flip(path, offset, offset % 8);
      const { found, read, problems } = await reopened();
      expect([found, problems]).toEqual([before, 0]);
      expect(read).toBeGreaterThan(4_096);
    }
  });

  it("of other content are passed over", async () => {
    const before = await filled();
    const [first = "", second = ""] = footerPaths();
    const bytes = Buffer.alloc(disk.sizeOf(first));
    disk.read(first, 0, bytes);
    await (await disk.open(second)).truncate(0);
    await (await disk.open(second)).write(0, [bytes]);
    expect((await reopened()).found).toEqual(before);
  });

  it("of removed segments are removed", async () => {
    await filled();
    const paths = footerPaths();
    const { storage, stream } = await open();
    stream.messages.purge();
    await stream.messages.flush();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    await storage.close();
    expect(footerPaths()).toHaveLength(1); // of the newest segment
    const strange = paths[0]?.replace(/\d+\.foot$/, "0000000999.foot") ?? "/x.foot";
    await disk.open(strange);
    await reopened();
    expect(footerPaths()).toHaveLength(1);
    expect(footerPaths()).not.toContain(strange);
  });

  it("do not outlive damage of their segment: it is reported at every start", async () => {
    await filled();
    const [path = ""] = footerPaths();
    const segment = path.replace(".foot", ".seg");
    const content = Buffer.alloc(disk.sizeOf(segment));
    disk.read(segment, 0, content);
    disk.flip(segment, content.indexOf("20:xxx") + 5, 1);
    for (const start of ["first", "second", "third"]) {
      const { found, lost } = await reopened();
      expect([start, found.some((line) => line.startsWith("20 ")), lost]).toEqual([start, false, 1]);
    }
  });

  it("do not keep the subject of an erased message", async () => {
    const { storage, stream } = await open();
    for (let n = 1; n <= 150; n++)
      stream.messages.append(textMessage(n === 5 ? "secret" : "s", "x".repeat(200)));
    await stream.messages.flush();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(footerPaths()).not.toEqual([]);
    stream.messages.remove(5, { erase: true });
    await storage.close();
    for (const { path, sizeBytes } of disk.files()) {
      const bytes = Buffer.alloc(sizeBytes);
      disk.read(path, 0, bytes);
      expect([path, bytes.includes("secret")]).toEqual([path, false]);
    }
  });
});

describe("encodeFooter", () => {
  const footer: SegmentFooter = {
    identity: { salt: 0xdead_beef, number: 7, revision: 2, end: 5_000, tailChecksum: 0xffff_fffe },
    columns: {
      timestampsUs: Float64Array.of(1, 2 ** 50),
      distances: Uint32Array.of(0, 0xffff_ffff),
      subjects: Uint32Array.of(1, 0),
      sizes: Uint32Array.of(22, 2 ** 31 + 5),
      positions: Uint32Array.of(4_096, 4_999),
    },
    subjects: ["a", "straße.☃"],
    baseSequence: 2 ** 40,
    floor: 2 ** 52,
    runs: [{ first: 2 ** 51, count: 3 }],
    keptBytes: 17,
  };

  it("writes what decodeFooter reads", () => {
    expect(decodeFooter(encodeFooter(footer, saltedCrc32), saltedCrc32)).toEqual(footer);
  });

  it("is read only whole", () => {
    const bytes = encodeFooter(footer, saltedCrc32);
    for (let size = 0; size < bytes.length; size++) {
      const part = Buffer.from(new Uint8Array(bytes.subarray(0, size)).buffer);
      expect(decodeFooter(part, saltedCrc32)).toBeUndefined();
      expect(decodeFooter(part, () => 0)).toBeUndefined();
    }
  });
});
