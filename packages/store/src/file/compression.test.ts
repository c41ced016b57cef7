import { VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import { RecordingListener, textMessage, UNLIMITED } from "../contract/recording-listener.js";
import { accountedSizeBytes } from "../message-store.js";
import { SimulatedFileSystem } from "../simulated/simulated-file-system.js";
import { compress, decompress } from "./compressed-data.js";
import { openFileStorage } from "./file-storage.js";

const TEXT = "the same words again and again, ".repeat(40);

it("compressed messages come back as they were, also over restarts, and count with their full size", async () => {
  const disk = new SimulatedFileSystem();
  const open = async (maintenance: boolean) => {
    const clock = new VirtualClock();
    const storage = await openFileStorage({
      directory: "/s",
      fileSystem: disk,
      clock,
      segmentSizeBytes: 20_000,
      maintenance,
    });
    const options = { limits: UNLIMITED, listener: new RecordingListener(), compression: true };
    const stream =
      storage.streams().length === 0
        ? await storage.createStream("A", "S", { ...options, metadata: {} })
        : await storage.openStream("A", "S", options);
    return { storage, stream };
  };
  const { storage, stream } = await open(false); // without footers, so that recovery reads the records
  for (let n = 0; n < 500; n++) {
    const message = textMessage("s", `${n}${n % 2 === 0 ? TEXT : ""}`);
    stream.messages.append(n === 8 ? { ...message, headerSizeBytes: 2 } : message);
    if (n === 400) stream.messages.setCompression(false);
  }
  await stream.messages.flush();
  const { bytes } = stream.messages.state();
  await storage.close();
  const onDisk = disk.files().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  expect(bytes).toBeGreaterThan(250 * accountedSizeBytes(1, 0, TEXT.length));
  expect(onDisk).toBeLessThan(bytes / 2);
  const again = await open(true);
  const { messages } = again.stream;
  expect(messages.state()).toMatchObject({ messages: 500, bytes, lost: [] });
  for (let n = 0; n < 500; n++) {
    const found = messages.read(n + 1);
    expect(Buffer.from(found?.data ?? []).toString()).toBe(`${n}${n % 2 === 0 ? TEXT : ""}`);
    expect(found?.headerSizeBytes).toBe(n === 8 ? 2 : 0);
  }
  for (let sequence = 1; sequence <= 500; sequence++) {
    if (sequence % 10 !== 1) messages.remove(sequence, { erase: sequence < 50 });
  }
  for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
  await again.storage.close();
  const last = await open(true);
  const { messages: kept } = last.stream;
  expect(kept.state()).toMatchObject({ messages: 50, lost: [] });
  for (let n = 0; n < 500; n += 10)
    expect(Buffer.from(kept.read(n + 1)?.data ?? []).toString()).toBe(`${n}${TEXT}`);
  await last.storage.close();
});

it("compress leaves alone what would not shrink", () => {
  const random = Buffer.from(
    Array.from({ length: 1_000 }, (_, index) => (index * 7919 * (index + 13)) % 251),
  );
  expect(compress(Buffer.alloc(100))).toBeUndefined();
  const shrunk = compress(random);
  if (shrunk !== undefined) expect(decompress(shrunk)).toEqual(random);
  expect(decompress(compress(Buffer.from(TEXT)) ?? Buffer.alloc(4)).toString()).toBe(TEXT);
});
