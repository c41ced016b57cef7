import {
  type ConsumedMessage,
  HeaderBlock,
  type IncomingMessage,
  type Transport,
} from "@ganglion/core/internal";
import { isGanglionError } from "@ganglion/kernel";
import { afterEach, describe, expect, it } from "vitest";

/** Opens a transport to a broker of its own for one test. */
export interface TransportUnderTest {
  /** A further connection to the same broker. */
  connect(): Promise<Transport>;
  close(): Promise<void>;
}

/** What every {@link Transport} does: the part without streams. */
export function describeTransport(name: string, open: () => Promise<TransportUnderTest>): void {
  describe(`${name}: messages`, () => {
    const opened: { close(): Promise<void> }[] = [];
    afterEach(async () => {
      for (const item of opened.splice(0).reverse()) await item.close();
    });
    const start = async () => {
      const broker = await open();
      opened.push(broker);
      const transport = await broker.connect();
      opened.push(transport);
      return { broker, transport };
    };

    it("hands over subject, reply, headers and body, as text and as bytes", async () => {
      const { transport } = await start();
      const messages: IncomingMessage[] = [];
      transport.subscribe("a.*", { onMessage: (message) => messages.push(message) });
      transport.publish("a.text", "grüße", {
        headers: [
          ["X-One", "1"],
          ["x-two", "ü"],
        ],
        reply: "r",
      });
      transport.publish("a.bytes", Uint8Array.of(0, 255), { headers: new HeaderBlock("A: b\r\n") });
      transport.publish("a.empty", "");
      transport.publish("a.größe", "plain");
      await transport.flush();
      expect(messages.map(({ subject, reply }) => [subject, reply])).toEqual([
        ["a.text", "r"],
        ["a.bytes", undefined],
        ["a.empty", undefined],
        ["a.größe", undefined],
      ]);
      const [text, bytes, empty] = messages as [IncomingMessage, IncomingMessage, IncomingMessage];
      expect(text.text()).toBe("grüße");
      expect(text.headers.get("x-ONE")).toBe("1");
      expect(text.headers.get("X-Two")).toBe("ü");
      expect(text.headers.get("x-on")).toBeUndefined();
      expect(text.headers.entries()).toEqual([
        ["X-One", "1"],
        ["x-two", "ü"],
      ]);
      expect([...bytes.data]).toEqual([0, 255]);
      expect(bytes.headers.get("a")).toBe("b");
      expect(empty.data).toHaveLength(0);
      expect(empty.headers.get("a")).toBeUndefined();
      expect(empty.headers.entries()).toEqual([]);
    });

    it("shares messages within a queue group", async () => {
      const { transport } = await start();
      const counts = [0, 0, 0];
      for (const [index, queue] of [
        [0, "q"],
        [1, "q"],
        [2, undefined],
      ] as const) {
        transport.subscribe("work", {
          queue,
          onMessage: () => {
            counts[index] = (counts[index] ?? 0) + 1;
          },
        });
      }
      for (let i = 0; i < 100; i++) transport.publish("work", "");
      await transport.flush();
      expect(counts[2]).toBe(100);
      expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(100);
    });

    it("ends a subscription at once, or after what was sent before", async () => {
      const { transport, broker } = await start();
      const other = await broker.connect();
      opened.push(other);
      const seen: string[] = [];
      const dropped = transport.subscribe("x", { onMessage: () => seen.push("dropped") });
      const drained = transport.subscribe("x", { onMessage: () => seen.push("drained") });
      await transport.flush();
      other.publish("x", "");
      await other.flush();
      dropped.unsubscribe();
      await drained.drain();
      other.publish("x", "");
      await other.flush();
      await transport.flush();
      expect(seen.filter((name) => name === "drained")).toEqual(["drained"]);
    });

    it("answers requests, many at a time", async () => {
      const { transport } = await start();
      transport.subscribe("echo", {
        onMessage: ({ reply = "", data }) => transport.publish(reply, data),
      });
      const replies = await Promise.all(
        Array.from({ length: 500 }, (_, i) => transport.request("echo", `${i}`, { timeoutMs: 5_000 })),
      );
      expect(replies.map((reply) => reply.text())).toEqual(Array.from({ length: 500 }, (_, i) => `${i}`));
    });

    it("tells at once when nobody listens, and after the timeout when nobody answers", async () => {
      const { transport } = await start();
      await expect(transport.request("nobody", "", { timeoutMs: 5_000 })).rejects.toMatchObject({
        code: "NO_RESPONDERS",
      });
      transport.subscribe("silent", { onMessage: () => {} });
      await expect(transport.request("silent", "", { timeoutMs: 20 })).rejects.toMatchObject({
        code: "TIMEOUT",
      });
    });

    it("gives a request up by its signal", async () => {
      const { transport } = await start();
      transport.subscribe("silent", { onMessage: () => {} });
      const controller = new AbortController();
      const request = transport.request("silent", "", { timeoutMs: 5_000, signal: controller.signal });
      controller.abort("enough");
      await expect(request).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
      await expect(
        transport.request("silent", "", { timeoutMs: 5_000, signal: controller.signal }),
      ).rejects.toMatchObject({ code: "ABORTED" });
    });

    it("collects many replies until it is cancelled", async () => {
      const { transport } = await start();
      transport.subscribe("many", {
        onMessage: ({ reply = "" }) => {
          for (let i = 0; i < 3; i++) transport.publish(reply, `${i}`);
        },
      });
      const replies: string[] = [];
      await new Promise<void>((resolve) => {
        const pending = transport.send("many", "", {
          timeoutMs: 5_000,
          many: true,
          onReply: (_, message) => {
            replies.push(message?.text() ?? "");
            if (replies.length < 2) return;
            pending.cancel();
            resolve();
          },
        });
      });
      await transport.flush();
      expect(replies).toEqual(["0", "1"]);
    });

    it("refuses what cannot be sent", async () => {
      const { transport } = await start();
      const { maxPayloadBytes } = transport.server;
      expect(() => transport.publish("big", new Uint8Array(maxPayloadBytes + 1))).toThrow(
        "exceeds the server's limit",
      );
      expect(() => transport.publish("a b", "")).toThrow("Cannot publish");
      expect(() => transport.publish("a\r\nPUB b 0", "")).toThrow("Cannot publish");
      expect(() => transport.publish("a", "", { reply: "r\r\n" })).toThrow("Cannot publish");
      expect(() => transport.publish("a", "", { headers: [["A", "b\r\nC: d"]] })).toThrow("Invalid header");
      expect(() => transport.subscribe("a..b", { onMessage: () => {} })).toThrow("Cannot subscribe");
    });

    it("fails what is in flight when it is closed, and everything after", async () => {
      const { transport } = await start();
      const statuses: string[] = [];
      transport.onStatus(({ type }) => statuses.push(type));
      transport.subscribe("silent", { onMessage: () => {} });
      const request = expect(transport.request("silent", "", { timeoutMs: 5_000 })).rejects.toMatchObject({
        code: "CONNECTION_CLOSED",
      });
      await transport.close();
      await transport.close();
      await request;
      expect(() => transport.publish("a", "")).toThrow("closed");
      expect(statuses).toEqual(["closed"]);
      expect(transport.connected).toBe(false);
    });
  });
}

/** What every {@link Transport} does with streams. */
export function describeJetStream(name: string, open: () => Promise<TransportUnderTest>): void {
  describe(`${name}: streams`, () => {
    const opened: { close(): Promise<void> }[] = [];
    afterEach(async () => {
      for (const item of opened.splice(0).reverse()) await item.close();
    });
    const start = async () => {
      const broker = await open();
      opened.push(broker);
      const transport = await broker.connect();
      opened.push(transport);
      await transport.jetstream.streams.ensure({ name: "S", subjects: ["s.>"], storage: "memory" });
      return { broker, transport, jetstream: transport.jetstream };
    };

    it("appends in order, with duplicates told", async () => {
      const { jetstream } = await start();
      const acks = await Promise.all(Array.from({ length: 100 }, (_, i) => jetstream.append("s.a", `${i}`)));
      expect(acks.map((ack) => ack.sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
      const first = await jetstream.append("s.b", "x", { msgId: "id" });
      const second = await jetstream.append("s.b", "x", { msgId: "id" });
      expect(first).toEqual({ stream: "S", sequence: 101, duplicate: false });
      expect(second).toEqual({ stream: "S", sequence: 101, duplicate: true });
    });

    it("compares before it appends", async () => {
      const { jetstream } = await start();
      await jetstream.append("s.a", "1", { expectedLastSubjectSequence: 0 });
      await jetstream.append("s.b", "2");
      await jetstream.append("s.a", "3", { expectedLastSubjectSequence: 1, expectedLastSequence: 2 });
      await expect(jetstream.append("s.a", "", { expectedLastSubjectSequence: 1 })).rejects.toMatchObject({
        code: "WRONG_LAST_SEQUENCE",
        details: { actualSequence: 3 },
      });
      await expect(jetstream.append("s.a", "", { expectedStream: "OTHER" })).rejects.toMatchObject({
        code: "STREAM_MISMATCH",
      });
      await expect(jetstream.append("nowhere", "")).rejects.toMatchObject({ code: "NO_STREAM" });
    });

    it("gets single messages by subject, sequence and next of subject", async () => {
      const { jetstream } = await start();
      const before = Date.now() - 1_000;
      await jetstream.append("s.a", "one", { headers: [["K", "v"]] });
      await jetstream.append("s.b", "two");
      await jetstream.append("s.a", "three");
      for (const consistency of ["any", "leader"] as const) {
        const last = await jetstream.get("S", { lastOf: "s.a" }, { consistency });
        expect(last).toMatchObject({ subject: "s.a", sequence: 3 });
        expect(last?.text()).toBe("three");
        expect(last?.timestampMs).toBeGreaterThan(before);
        const first = await jetstream.get("S", { sequence: 1 }, { consistency });
        expect(first?.text()).toBe("one");
        expect(first?.headers.get("k")).toBe("v");
        expect(
          (await jetstream.get("S", { nextOf: "s.>", fromSequence: 2 }, { consistency }))?.sequence,
        ).toBe(2);
        expect((await jetstream.get("S", { lastOf: "s.*" }, { consistency }))?.sequence).toBe(3);
        expect(await jetstream.get("S", { lastOf: "s.none" }, { consistency })).toBeUndefined();
        expect(await jetstream.get("S", { sequence: 9 }, { consistency })).toBeUndefined();
      }
      await expect(jetstream.get("NONE", { sequence: 1 })).rejects.toMatchObject({ code: "NO_STREAM" });
    });

    it("gets from streams that do not allow direct get", async () => {
      const { jetstream } = await start();
      await jetstream.streams.ensure({ name: "SLOW", subjects: ["slow"], allowDirect: false });
      await jetstream.append("slow", "x");
      expect((await jetstream.get("SLOW", { lastOf: "slow" }))?.text()).toBe("x");
      expect((await jetstream.get("SLOW", { sequence: 1 }))?.text()).toBe("x");
    });

    it("creates, changes, lists, purges and removes streams", async () => {
      const { jetstream } = await start();
      const { streams } = jetstream;
      const spec = {
        name: "T",
        subjects: ["t.>"],
        maxAgeMs: 60_000,
        duplicateWindowMs: 30_000,
        storage: "memory",
      } as const;
      expect((await streams.ensure(spec)).spec).toMatchObject({
        ...spec,
        allowDirect: true,
        retention: "limits",
      });
      expect((await streams.ensure({ ...spec, maxAgeMs: 1_000_000 })).spec.maxAgeMs).toBe(60_000);
      expect((await streams.update({ ...spec, maxMessages: 10 })).spec.maxMessages).toBe(10);
      expect([...(await streams.names())].sort()).toEqual(["S", "T"]);
      expect(await streams.names("t.x")).toEqual(["T"]);
      for (const subject of ["t.a", "t.a", "t.b"]) await jetstream.append(subject, "");
      expect(await streams.info("T", { subjectsFilter: ">" })).toMatchObject({
        messages: 3,
        lastSequence: 3,
        subjects: { "t.a": 2, "t.b": 1 },
      });
      expect(await streams.deleteMessage("T", 1)).toBe(true);
      expect(await streams.deleteMessage("T", 1)).toBe(false);
      expect(await streams.purge("T", { subject: "t.b" })).toBe(1);
      expect(await streams.info("T")).toMatchObject({ messages: 1, firstSequence: 2 });
      expect(await streams.delete("T")).toBe(true);
      expect(await streams.delete("T")).toBe(false);
      expect(await streams.info("T")).toBeUndefined();
      await expect(streams.update(spec)).rejects.toMatchObject({ code: "NO_STREAM" });
    });

    it("creates, describes and removes consumers", async () => {
      const { jetstream } = await start();
      const { consumers } = jetstream;
      const spec = { name: "c", filterSubjects: ["s.a"], ackWaitMs: 2_000, maxAckPending: 7 };
      expect((await consumers.ensure("S", spec)).spec).toMatchObject({
        ...spec,
        ack: "explicit",
        ephemeral: false,
      });
      expect((await consumers.ensure("S", { ...spec, ackWaitMs: 9_000 })).spec.ackWaitMs).toBe(2_000);
      expect((await consumers.update("S", { ...spec, ackWaitMs: 9_000 })).spec.ackWaitMs).toBe(9_000);
      await jetstream.append("s.a", "");
      expect(await consumers.info("S", "c")).toMatchObject({ pending: 1, ackPending: 0 });
      expect((await consumers.list("S")).map((info) => info.spec.name)).toEqual(["c"]);
      expect(await consumers.delete("S", "c")).toBe(true);
      expect(await consumers.delete("S", "c")).toBe(false);
      expect(await consumers.info("S", "c")).toBeUndefined();
      await expect(consumers.ensure("NONE", spec)).rejects.toMatchObject({ code: "NO_STREAM" });
    });

    it("consumes with no more in flight than asked for", async () => {
      const { jetstream } = await start();
      await jetstream.consumers.ensure("S", { name: "c" });
      const unsettled: ConsumedMessage[] = [];
      const order: number[] = [];
      let most = 0;
      const consumption = await jetstream.consume("S", "c", {
        maxInFlight: 10,
        onMessage: (message) => {
          unsettled.push(message);
          order.push(message.sequence);
          most = Math.max(most, unsettled.length);
          if (unsettled.length === 10) for (const settled of unsettled.splice(0)) settled.ack();
        },
      });
      for (let i = 0; i < 100; i++) await jetstream.append("s.a", `${i}`);
      await expect.poll(() => order.length).toBe(100);
      expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
      expect(most).toBe(10);
      await consumption.stop();
      await expect.poll(async () => (await jetstream.consumers.info("S", "c"))?.ackPending).toBe(0);
      expect(consumption.inFlight).toBe(0);
    });

    it("tells a delivery's facts, delivers again after nak and never after term", async () => {
      const { jetstream } = await start();
      await jetstream.consumers.ensure("S", { name: "c", ackWaitMs: 5_000 });
      const deliveries: [sequence: number, count: number, atMs: number][] = [];
      const consumption = await jetstream.consume("S", "c", {
        maxInFlight: 10,
        onMessage: (message) => {
          deliveries.push([message.sequence, message.deliveryCount, Date.now()]);
          expect(message.stream).toBe("S");
          expect(message.consumer).toBe("c");
          expect(message.timestampMs).toBeGreaterThan(Date.now() - 10_000);
          if (message.sequence === 1) message.term("wrong");
          else if (message.deliveryCount === 1) message.nak(message.sequence === 2 ? 200 : 0);
          else message.ack();
          expect(message.settled).toBe(true);
        },
      });
      for (let i = 0; i < 3; i++) await jetstream.append("s.a", "");
      await expect.poll(() => deliveries.length).toBe(5);
      expect(deliveries.map(([sequence, count]) => [sequence, count])).toEqual([
        [1, 1],
        [2, 1],
        [3, 1],
        [3, 2],
        [2, 2],
      ]);
      expect((deliveries[4]?.[2] ?? 0) - (deliveries[1]?.[2] ?? 0)).toBeGreaterThanOrEqual(190);
      await consumption.stop();
    });

    it("waits for the server to store an acknowledgement when asked to", async () => {
      const { jetstream } = await start();
      await jetstream.consumers.ensure("S", { name: "c" });
      await jetstream.append("s.a", "");
      let acknowledged = false;
      const consumption = await jetstream.consume("S", "c", {
        maxInFlight: 1,
        onMessage: (message) => {
          void message.ackDurable().then(() => (acknowledged = true));
        },
      });
      await expect.poll(() => acknowledged).toBe(true);
      expect(await jetstream.consumers.info("S", "c")).toMatchObject({ ackFloorSequence: 1, ackPending: 0 });
      await consumption.stop();
    });

    it("covers earlier messages with one acknowledgement where the consumer says so", async () => {
      const { jetstream } = await start();
      await jetstream.consumers.ensure("S", { name: "c", ack: "all" });
      const held: ConsumedMessage[] = [];
      const consumption = await jetstream.consume("S", "c", {
        maxInFlight: 5,
        onMessage: (message) => {
          held.push(message);
          if (held.length % 5 === 0) message.ack();
        },
      });
      for (let i = 0; i < 20; i++) await jetstream.append("s.a", "");
      await expect.poll(() => held.length).toBe(20);
      expect(held.every((message) => message.settled)).toBe(true);
      await consumption.stop();
    });

    it("gives back what arrives while it stops, and goes on with another consumption", async () => {
      const { jetstream } = await start();
      await jetstream.consumers.ensure("S", { name: "c", ackWaitMs: 60_000 });
      const seen = new Set<number>();
      const consume = () =>
        jetstream.consume("S", "c", {
          maxInFlight: 50,
          onMessage: (message) => {
            seen.add(message.sequence);
            message.ack();
          },
        });
      const first = await consume();
      const appends = Array.from({ length: 500 }, () => jetstream.append("s.a", ""));
      await expect.poll(() => seen.size).toBeGreaterThan(20);
      await first.stop();
      await first.closed;
      await Promise.all(appends);
      const second = await consume();
      await expect.poll(() => seen.size).toBe(500);
      await second.stop();
    });

    it("ends with CONSUMER_LOST when the consumer is deleted, or has it rebuilt", async () => {
      const { jetstream } = await start();
      const spec = { name: "c", ackWaitMs: 60_000 };
      await jetstream.consumers.ensure("S", spec);
      const lost = await jetstream.consume("S", "c", {
        maxInFlight: 5,
        onMessage: (message) => message.ack(),
      });
      await jetstream.consumers.delete("S", "c");
      await expect(lost.closed).rejects.toMatchObject({ code: "CONSUMER_LOST" });
      await lost.stop();

      await jetstream.consumers.ensure("S", spec);
      const problems: (string | undefined)[] = [];
      const seen: number[] = [];
      const kept = await jetstream.consume("S", "c", {
        maxInFlight: 5,
        onMessage: (message) => {
          seen.push(message.sequence);
          message.ack();
        },
        onHealth: (problem) => problems.push(isGanglionError(problem) ? problem.code : undefined),
        rebuild: () => jetstream.consumers.ensure("S", spec),
      });
      await jetstream.consumers.delete("S", "c");
      await expect.poll(() => problems).toEqual(["CONSUMER_LOST", undefined]);
      await jetstream.append("s.a", "");
      await expect.poll(() => seen).toEqual([1]);
      await kept.stop();
      await expect(
        jetstream.consume("S", "none", { maxInFlight: 1, onMessage: () => {} }),
      ).rejects.toMatchObject({
        code: "NO_CONSUMER",
      });
    });

    it("reads a stream in order with back-pressure, and tells when it caught up", async () => {
      const { jetstream } = await start();
      await Promise.all(Array.from({ length: 2_000 }, (_, i) => jetstream.append("s.a", `${i}`)));
      const read: number[] = [];
      let running = 0;
      let caughtUpAt = 0;
      const reader = await jetstream.readOrdered("S", {
        maxBatch: 100,
        onBatch: async (messages) => {
          running++;
          expect(running).toBe(1);
          expect(messages.length).toBeLessThanOrEqual(100);
          await new Promise((resolve) => setImmediate(resolve));
          read.push(...messages.map((message) => message.sequence));
          running--;
        },
        onCaughtUp: () => {
          caughtUpAt = read.length;
        },
      });
      await expect.poll(() => reader.caughtUp, { timeout: 5_000 }).toBe(true);
      expect(caughtUpAt).toBe(2_000);
      expect(reader).toMatchObject({ position: 2_000, pending: 0 });
      await jetstream.append("s.a", "");
      await expect.poll(() => reader.position).toBe(2_001);
      expect(read).toEqual(Array.from({ length: 2_001 }, (_, i) => i + 1));
      await reader.stop();
      expect(await jetstream.consumers.list("S")).toEqual([]);
    });

    it("reads from a position, filtered, headers only, and last per subject", async () => {
      const { jetstream } = await start();
      for (let i = 0; i < 12; i++) {
        await jetstream.append(`s.${"abcd"[i % 4]}`, "body", { headers: [["N", `${i}`]] });
      }
      const read = async (options: object) => {
        const seen: string[] = [];
        await new Promise<void>((resolve, reject) => {
          jetstream
            .readOrdered("S", {
              ...options,
              onBatch: (messages) => {
                for (const { subject, sequence, headers, data } of messages) {
                  seen.push(`${subject} ${sequence} ${headers.get("n")} ${data.length}`);
                }
              },
              onCaughtUp: () => resolve(),
            })
            .then((reader) => opened.push({ close: () => reader.stop() }), reject);
        });
        return seen;
      };
      expect(await read({ from: { sequence: 11 } })).toEqual(["s.c 11 10 4", "s.d 12 11 4"]);
      expect(await read({ filterSubjects: ["s.a"] })).toEqual(["s.a 1 0 4", "s.a 5 4 4", "s.a 9 8 4"]);
      expect(await read({ filterSubjects: ["s.a", "s.b"], from: { sequence: 9 } })).toEqual([
        "s.a 9 8 4",
        "s.b 10 9 4",
      ]);
      expect(await read({ from: "last-per-subject", headersOnly: true })).toEqual([
        "s.a 9 8 0",
        "s.b 10 9 0",
        "s.c 11 10 0",
        "s.d 12 11 0",
      ]);
      expect(await read({ from: "new" })).toEqual([]);
    });

    it("refuses to read over a gap, unless told to", async () => {
      const { jetstream } = await start();
      for (let i = 0; i < 5; i++) await jetstream.append("s.a", "");
      await jetstream.streams.purge("S", { beforeSequence: 4 });
      const from = { sequence: 2 };
      await expect(jetstream.readOrdered("S", { from, onBatch: () => {} })).rejects.toMatchObject({
        code: "READ_GAP",
      });
      const seen: number[] = [];
      const reader = await jetstream.readOrdered("S", {
        from,
        allowGap: true,
        onBatch: (messages) => void seen.push(...messages.map(({ sequence }) => sequence)),
      });
      await expect.poll(() => seen).toEqual([4, 5]);
      await reader.stop();
      await expect(jetstream.readOrdered("NONE", { onBatch: () => {} })).rejects.toMatchObject({
        code: "NO_STREAM",
      });
    });

    it("goes on reading behind its position when its consumer is lost", async () => {
      const { jetstream } = await start();
      const seen: number[] = [];
      const problems: unknown[] = [];
      const reader = await jetstream.readOrdered("S", {
        onBatch: (messages) => void seen.push(...messages.map(({ sequence }) => sequence)),
        onHealth: (problem) => problems.push(problem),
      });
      await jetstream.append("s.a", "");
      await expect.poll(() => seen).toEqual([1]);
      for (const { spec } of await jetstream.consumers.list("S"))
        await jetstream.consumers.delete("S", spec.name);
      await expect.poll(() => problems.at(-1) === undefined && problems.length > 0).toBe(true);
      await jetstream.append("s.a", "");
      await expect.poll(() => seen).toEqual([1, 2]);
      await reader.stop();
    });

    it("ends a read with the error of its callback", async () => {
      const { jetstream } = await start();
      await jetstream.append("s.a", "");
      const reader = await jetstream.readOrdered("S", {
        onBatch: () => Promise.reject(new TypeError("broken")),
      });
      await expect(reader.closed).rejects.toThrow("broken");
      await reader.stop();
    });
  });
}
