import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { describeConsumerStore } from "../contract/consumer-store-contract.js";
import {
  describeMessageStore,
  type OpenStream,
  type ReopenStream,
} from "../contract/message-store-contract.js";
import type { Storage, StreamStore } from "../storage.js";
import { openFileStorage } from "./file-storage.js";

const root = mkdtempSync(join(tmpdir(), "ganglion-store-"));
afterAll(() => rmSync(root, { recursive: true }));
const storages = new Map<StreamStore, Storage>();
let count = 0;

/** Small segments, so that the suites cross many of them. */
const openStream: OpenStream = async (options, clock) => {
  const directory = join(root, String(count++));
  const storage = await openFileStorage({
    directory,
    clock,
    segmentSizeBytes: 6_000,
    consumerLogBytes: 6_000,
  });
  const stream = await storage.createStream("acc", "stream", { ...options, metadata: {} });
  storages.set(stream, storage);
  return stream;
};

const reopen: ReopenStream = async (stream, options) => {
  const storage = storages.get(stream);
  await stream.close();
  const again = await storage?.openStream("acc", "stream", options);
  if (storage === undefined || again === undefined) return expect.unreachable();
  storages.set(again, storage);
  return again;
};

afterAll(() => Promise.all([...storages.values()].map((storage) => storage.close())));

describeMessageStore("file", openStream, reopen);
describeConsumerStore("file", openStream);
