import { VirtualClock } from "@ganglion/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConsumerChange, ConsumerStore } from "../consumer-store.js";
import type { StreamStore } from "../storage.js";
import type { OpenStream } from "./message-store-contract.js";
import { RecordingListener, UNLIMITED } from "./recording-listener.js";

/** A first delivery that waits for its ack. */
export function delivery(
  streamSequence: number,
  consumerSequence = streamSequence,
  deliveries = 1,
): ConsumerChange {
  return {
    kind: "delivered",
    streamSequence,
    consumerSequence,
    timestampUs: 1_000 + consumerSequence,
    deliveries,
    pending: true,
  };
}

/** What every {@link ConsumerStore} and the consumer part of every stream store must do. */
export function describeConsumerStore(engine: string, openStream: OpenStream): void {
  describe(`${engine} consumer store`, () => {
    let stream: StreamStore;
    let store: ConsumerStore;

    beforeEach(async () => {
      stream = await openStream({ limits: UNLIMITED, listener: new RecordingListener() }, new VirtualClock());
      store = await stream.createConsumer("worker", { filter: "a" });
    });

    afterEach(() => stream.close());

    it("knows nothing before the first delivery", () => {
      expect(store.load()).toBeUndefined();
    });

    it("keeps deliveries, redeliveries and acks", () => {
      for (const sequence of [2, 4, 6]) store.append(delivery(sequence, sequence / 2));
      store.append({ ...delivery(2, 4, 2), timestampUs: 9 } as ConsumerChange);
      store.append({ kind: "acknowledged", streamSequence: 4, ackFloor: { consumer: 0, stream: 0 } });
      expect(store.load()).toEqual({
        delivered: { consumer: 4, stream: 6 },
        ackFloor: { consumer: 0, stream: 0 },
        pending: new Map([
          [2, { consumerSequence: 1, timestampUs: 9, deliveries: 2 }],
          [6, { consumerSequence: 3, timestampUs: 1_003, deliveries: 1 }],
        ]),
      });
    });

    it("drops what a floor passes, as an ack of all does", () => {
      for (const sequence of [1, 2, 3, 4]) store.append(delivery(sequence));
      store.append({ kind: "acknowledged", streamSequence: 3, ackFloor: { consumer: 3, stream: 3 } });
      expect([...(store.load()?.pending.keys() ?? [])]).toEqual([4]);
      const position = { consumer: 4, stream: 9 };
      store.append({ kind: "floor", ackFloor: position, delivered: position });
      expect(store.load()).toEqual({ delivered: position, ackFloor: position, pending: new Map() });
    });

    it("counts a delivery without ack as acknowledged", () => {
      store.append({ ...delivery(5, 1), pending: false } as ConsumerChange);
      const position = { consumer: 1, stream: 5 };
      expect(store.load()).toEqual({ delivered: position, ackFloor: position, pending: new Map() });
    });

    it("replaces the whole state", () => {
      store.append(delivery(1));
      const state = {
        delivered: { consumer: 8, stream: 80 },
        ackFloor: { consumer: 3, stream: 30 },
        pending: new Map([
          [70, { consumerSequence: 7, timestampUs: 7, deliveries: 2 }],
          [40, { consumerSequence: 4, timestampUs: 4, deliveries: 1 }],
        ]),
      };
      store.replace(state);
      expect(store.load()).toEqual(state);
      store.append({ kind: "acknowledged", streamSequence: 60, ackFloor: { consumer: 6, stream: 60 } });
      expect([...(store.load()?.pending.keys() ?? [])]).toEqual([70]);
    });

    it("gives out a state that later changes do not touch", () => {
      store.append(delivery(1));
      const before = store.load();
      store.append(delivery(2));
      expect(before?.pending.size).toBe(1);
    });

    it("calls back once everything so far is durable", async () => {
      store.append(delivery(1));
      await new Promise<void>((resolve) => store.whenDurable(resolve));
      let calledAtOnce = false;
      store.whenDurable(() => {
        calledAtOnce = true;
      });
      expect(calledAtOnce).toBe(true);
    });

    it("lists, updates and deletes consumers", async () => {
      await stream.createConsumer("other", {});
      await stream.updateConsumerMetadata("worker", { filter: "b" });
      expect([...stream.consumers()].sort((left, right) => left.name.localeCompare(right.name))).toEqual([
        { name: "other", metadata: {} },
        { name: "worker", metadata: { filter: "b" } },
      ]);
      await stream.deleteConsumer("other");
      await stream.deleteConsumer("never-existed");
      expect(stream.consumers()).toHaveLength(1);
      expect(() => stream.openConsumer("other")).toThrow(/other/);
    });

    it("opens the same memory again by creating it with new metadata", async () => {
      store.append(delivery(3));
      const again = await stream.createConsumer("worker", { filter: "c" });
      expect(again.load()?.delivered.stream).toBe(3);
      expect(stream.openConsumer("worker").load()?.delivered.stream).toBe(3);
      expect(stream.consumers()).toEqual([{ name: "worker", metadata: { filter: "c" } }]);
    });

    it("forgets the state of a deleted consumer", async () => {
      store.append(delivery(3));
      await stream.deleteConsumer("worker");
      expect((await stream.createConsumer("worker", {})).load()).toBeUndefined();
    });
  });
}
