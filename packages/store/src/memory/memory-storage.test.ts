import { VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import { describeConsumerStore } from "../contract/consumer-store-contract.js";
import { describeMessageStore, type OpenStream } from "../contract/message-store-contract.js";
import { RecordingListener, UNLIMITED } from "../contract/recording-listener.js";
import { openMemoryStorage } from "./memory-storage.js";

const openStream: OpenStream = (options, clock) =>
  openMemoryStorage({ clock }).createStream("acc", "stream", { ...options, metadata: {} });

describeMessageStore("memory", openStream);
describeConsumerStore("memory", openStream);

describe("openMemoryStorage", () => {
  const options = (metadata = {}) => ({ metadata, limits: UNLIMITED, listener: new RecordingListener() });

  it("refuses a second stream of the same name in the same account, until the first is deleted", async () => {
    const storage = openMemoryStorage({ clock: new VirtualClock() });
    const stream = await storage.createStream("acc", "s", options({ subjects: ["a"] }));
    await storage.createStream("other", "s", options());
    await expect(storage.createStream("acc", "s", options())).rejects.toMatchObject({
      code: "STREAM_EXISTS",
    });
    await stream.updateMetadata({ subjects: ["b"] });
    expect(stream.metadata).toEqual({ subjects: ["b"] });
    await storage.deleteStream("acc", "s");
    await storage.createStream("acc", "s", options());
    expect([storage.streams(), storage.problems()]).toEqual([[], []]);
  });

  it("has nothing to recover, and closes its streams", async () => {
    const storage = openMemoryStorage();
    const stream = await storage.createStream("acc", "s", options());
    await expect(storage.openStream("acc", "t", options())).rejects.toMatchObject({
      code: "STREAM_NOT_FOUND",
    });
    await storage.close();
    expect(() => stream.messages.purge()).toThrow(/closed/);
    await expect(storage.createStream("acc", "u", options())).rejects.toMatchObject({
      code: "STORE_CLOSED",
    });
  });
});
