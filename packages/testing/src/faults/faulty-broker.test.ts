import { VirtualClock } from "@ganglion/kernel";
import { AckPolicy, connect, type NatsConnection } from "nats";
import { describe, expect, it, onTestFinished } from "vitest";
import { describeBrokers } from "../vitest.js";
import { waitFor } from "../wait-for.js";
import { faultyBroker } from "./faulty-broker.js";
import { OperationSplitter } from "./operation-splitter.js";

describe("OperationSplitter", () => {
  const stream = Buffer.from(
    'INFO {"a":1} \r\nPING\r\npub a.b  r 5\r\nhe\r\no\r\nHPUB x 12 14\r\nNATS/1.0\r\n\r\nhi\r\nMSG a 1 0\r\n\r\n+OK\r\n',
  );
  const verbs = ["INFO", "PING", "PUB", "HPUB", "MSG", "+OK"];

  it("finds the same operations wherever the stream is split", () => {
    for (let at = 0; at <= stream.length; at++) {
      const splitter = new OperationSplitter();
      const found = [...splitter.feed(stream.subarray(0, at)), ...splitter.feed(stream.subarray(at))];
      expect(found.map(({ verb }) => verb)).toEqual(verbs);
      expect(Buffer.concat(found.map(({ bytes }) => bytes))).toEqual(stream);
    }
    const byByte = new OperationSplitter();
    expect([...stream].flatMap((byte) => byByte.feed(Buffer.of(byte))).map(({ verb }) => verb)).toEqual(
      verbs,
    );
  });
});

describeBrokers("faultyBroker", (start) => {
  async function setUp(clock?: VirtualClock) {
    const broker = await start();
    onTestFinished(() => broker.close());
    const faulty = await faultyBroker(broker.url, clock && { clock });
    onTestFinished(() => faulty.close());
    const open = async (name: string, url = faulty.url): Promise<NatsConnection> => {
      const connection = await connect({
        servers: url,
        name,
        reconnectTimeWait: 10,
        maxReconnectAttempts: -1,
      });
      onTestFinished(() => connection.close());
      return connection;
    };
    return { broker, faulty, open };
  }

  function collect(connection: NatsConnection, subject: string): string[] {
    const seen: string[] = [];
    connection.subscribe(subject, { callback: (_, message) => void seen.push(message.string()) });
    return seen;
  }

  it("loses the messages it is told to, and no others", async () => {
    const { faulty, open } = await setUp();
    const [a, b] = [await open("a"), await open("b")];
    const seen = collect(b, "x.*");
    await b.flush();
    const fault = faulty.drop({ subject: "x.1", connection: "a", skip: 1, times: 2 });
    for (const text of ["1", "2", "3", "4"]) a.publish("x.1", text);
    a.publish("x.2", "other subject");
    await a.flush();
    b.publish("x.1", "other connection");
    await b.flush();
    await waitFor(() => seen.length === 4);
    expect(seen).toEqual(["1", "4", "other subject", "other connection"]);
    expect(fault.hits).toBe(2);
    const delivery = faulty.drop({
      subject: "x.>",
      on: "deliver",
      connection: "b",
      times: Number.POSITIVE_INFINITY,
    });
    a.publish("x.1", "lost");
    await a.flush();
    await b.flush();
    delivery.remove();
    a.publish("x.1", "seen");
    await waitFor(() => seen.length === 5);
    expect([seen.at(-1), delivery.hits]).toEqual(["seen", 1]);
  });

  it("delays a message and what is behind it, in order", async () => {
    const clock = new VirtualClock();
    const { broker, faulty, open } = await setUp(clock);
    const a = await open("a");
    const watcher = await open("watcher", broker.url);
    const seen = collect(watcher, ">");
    await watcher.flush();
    faulty.delay({ subject: "late" }, 1_000);
    for (const subject of ["first", "late", "behind"]) a.publish(subject, subject);
    await waitFor(() => clock.timerCount === 1);
    await waitFor(() => seen.length === 1);
    clock.advance(999);
    await watcher.flush();
    expect(seen).toEqual(["first"]);
    clock.advance(1);
    await waitFor(() => seen.length === 3);
    expect(seen).toEqual(["first", "late", "behind"]);
  });

  it("cuts connections, at once or at a message; clients come back", async () => {
    const { faulty, open } = await setUp();
    const [a, b] = [await open("a"), await open("b")];
    const seen = collect(b, "x");
    await b.flush();
    const restored: string[] = [];
    for (const connection of [a, b]) {
      void (async () => {
        for await (const { type } of connection.status()) {
          if (type === "reconnect") restored.push(connection === a ? "a" : "b");
        }
      })();
    }
    expect(faulty.cut("b")).toBe(1);
    await waitFor(() => restored.includes("b"));
    faulty.cutAt({ subject: "x" });
    a.publish("x", "lost with the connection");
    await waitFor(() => restored.includes("a"));
    a.publish("x", "seen");
    await waitFor(() => seen.length === 1);
    expect(seen).toEqual(["seen"]);
  });

  it("loses the acknowledgement of a consumer, so that a message comes twice", async () => {
    const { faulty, open } = await setUp();
    const connection = await open("worker");
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: "S", subjects: ["s"] });
    await manager.consumers.add("S", {
      durable_name: "C",
      ack_policy: AckPolicy.Explicit,
      ack_wait: 100_000_000,
    });
    await connection.jetstream().publish("s");
    const consumer = await connection.jetstream().consumers.get("S", "C");
    const fault = faulty.loseAck({ stream: "S", consumer: "C" });
    const first = await consumer.next();
    first?.ack();
    const second = await consumer.next();
    await second?.ackAck();
    expect([first?.info.redeliveryCount, second?.info.redeliveryCount, fault.hits]).toEqual([1, 2, 1]);
  });

  it("loses the acknowledgement of a stream, so that a publisher does not know; its second try is a duplicate", async () => {
    const { faulty, open } = await setUp();
    const connection = await open("publisher");
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: "S", subjects: ["s.>"] });
    const jetstream = connection.jetstream();
    faulty.losePubAck({ subject: "s.1" });
    await expect(jetstream.publish("s.1", "", { msgID: "1", timeout: 200 })).rejects.toThrow(/timeout/i);
    expect(await jetstream.publish("s.1", "", { msgID: "1" })).toMatchObject({ seq: 1, duplicate: true });
    expect(await jetstream.publish("s.2")).toMatchObject({ seq: 2 });
  });
});
