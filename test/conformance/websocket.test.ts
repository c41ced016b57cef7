import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { TestBroker } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers, type NatsConnection, type WsConnectionOptions, wsconnect } from "@nats-io/nats-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";

const CONFIG = `
websocket {
  host: "127.0.0.1"
  port: -1
  no_tls: true
  compression: true
  allowed_origins: ["http://a.example"]
}
authorization { user: ann, password: secret }
`;

const KINDS = ["embedded", "nats-server", "broker-process"] as const;

/** A WebSocket for the client library: Node 20 has none of its own. The library listens to it before anything arrives. */
function factory(perMessageDeflate: boolean): NonNullable<WsConnectionOptions["wsFactory"]> {
  return async (url) => {
    // The library expects a browser's socket, whose surface this one has.
    const socket = new WebSocket(url, { perMessageDeflate }) as unknown as globalThis.WebSocket;
    return { socket, encrypted: false };
  };
}

describeBrokers(
  "WebSocket",
  (start) => {
    let broker: TestBroker;
    beforeAll(async () => {
      broker = await start({ config: CONFIG });
    });
    afterAll(() => broker?.close());

    async function open(compress: boolean): Promise<NatsConnection> {
      const connection = await wsconnect({
        servers: broker.websocketUrl ?? "",
        wsFactory: factory(compress),
        user: "ann",
        pass: "secret",
      });
      onTestFinished(() => connection.close());
      return connection;
    }

    describe.each([true, false])("with compression %s", (compress) => {
      it("carries messages with headers, from the largest to none, in order", async () => {
        const connection = await open(compress);
        const sizes = [0, 1, 63, 64, 65, 125, 126, 127, 65_535, 65_536, 200_000, 1_000_000];
        const received: (readonly [number, string])[] = [];
        connection.subscribe("sized", {
          callback: (_, message) =>
            void received.push([message.data.length, message.headers?.get("k") ?? ""]),
        });
        const h = headers();
        h.set("k", "v");
        for (const size of sizes) connection.publish("sized", new Uint8Array(size).fill(7), { headers: h });
        await connection.flush();
        expect(received).toEqual(sizes.map((size) => [size, "v"]));
      });

      it("carries thousands of small messages", async () => {
        const connection = await open(compress);
        let count = 0;
        connection.subscribe("many", { callback: () => void count++ });
        for (let i = 0; i < 20_000; i++) connection.publish("many", "0123456789");
        await connection.flush();
        expect(count).toBe(20_000);
      });

      it("answers requests, and says when nobody does", async () => {
        const connection = await open(compress);
        connection.subscribe("echo", { callback: (_, message) => void message.respond(message.data) });
        expect((await connection.request("echo", "hi")).string()).toBe("hi");
        await expect(connection.request("nobody")).rejects.toThrow(/no responders/i);
      });

      it("has streams and key-value buckets", async () => {
        const connection = await open(compress);
        const manager = await jetstreamManager(connection);
        const stream = `WS_${compress}`;
        await manager.streams.add({ name: stream, subjects: [`${stream}.>`] });
        await manager.consumers.add(stream, { durable_name: "C", ack_policy: AckPolicy.Explicit });
        const client = jetstream(connection);
        for (let i = 0; i < 50; i++) await client.publish(`${stream}.${i}`);
        const messages = await (await client.consumers.get(stream, "C")).fetch({
          max_messages: 50,
          expires: 2_000,
        });
        let count = 0;
        for await (const message of messages) {
          message.ack();
          count++;
        }
        expect(count).toBe(50);
        const bucket = await new Kvm(connection).create(`ws_${compress}`);
        await bucket.put("a", "1");
        expect((await bucket.get("a"))?.string()).toBe("1");
      });
    });

    it("is the same room as TCP", async () => {
      const [a, b] = [await open(true), await open(false)];
      const next = new Promise<string>((resolve) =>
        a.subscribe("room", { max: 1, callback: (_, message) => resolve(message.string()) }),
      );
      await a.flush();
      b.publish("room", "hello");
      expect(await next).toBe("hello");
    });

    it.each<[string, string, string[]]>([
      ["an upgrade of any path", "101", []],
      ["an allowed origin", "101", ["Origin: http://a.example"]],
      ["a foreign origin", "403", ["Origin: http://b.example"]],
      ["the scheme of the origin", "403", ["Origin: https://a.example"]],
      ["another method", "405", ["POST /x HTTP/1.1"]],
      ["no upgrade", "400", ["-Upgrade"]],
      ["no key", "400", ["-Sec-WebSocket-Key"]],
      ["another version", "400", ["-Sec-WebSocket-Version", "Sec-WebSocket-Version: 12"]],
    ])("answers %s with %s", async (_, status, changes) => {
      expect(await handshakeStatus(broker.websocketUrl ?? "", changes)).toBe(status);
    });
  },
  { kinds: KINDS },
);

const HANDSHAKE = [
  "GET /any HTTP/1.1",
  "Host: h",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** @param changes - lines to add, a first line of its own, or `-Name` to leave a line out. */
async function handshakeStatus(url: string, changes: readonly string[]): Promise<string | undefined> {
  const [first = ""] = changes;
  const lines = first.endsWith("HTTP/1.1") ? [first, ...HANDSHAKE.slice(1)] : [...HANDSHAKE, ...changes];
  const kept = lines.filter((line) => {
    const isLeftOut = changes.some((change) => change.startsWith("-") && line.startsWith(change.slice(1)));
    return !line.startsWith("-") && !(isLeftOut && HANDSHAKE.includes(line));
  });
  const { hostname, port } = new URL(url);
  const socket = connectSocket(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.write(`${kept.join("\r\n")}\r\n\r\n`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return /^HTTP\/1.1 (\d+)/.exec(chunk.toString("latin1"))?.[1];
}
