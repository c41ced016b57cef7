import { once } from "node:events";
import { createServer } from "node:net";
import { connectNats, type NatsOptions, type Transport, type TransportStatus } from "@ganglion/core/internal";
import { startTestBroker, type TestBroker, waitFor } from "@ganglion/testing";
import { afterEach, describe, expect, it } from "vitest";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const item of opened.splice(0).reverse()) await item.close();
});

async function startBroker(config?: string): Promise<TestBroker> {
  const broker = await startTestBroker({ kind: "nats-server", ...(config !== undefined && { config }) });
  opened.push(broker);
  return broker;
}

async function connect(options: NatsOptions): Promise<Transport> {
  const transport = await connectNats({ reconnectDelay: { min: 10, max: 50 }, ...options });
  opened.push(transport);
  return transport;
}

function statusesOf(transport: Transport): TransportStatus["type"][] {
  const statuses: TransportStatus["type"][] = [];
  transport.onStatus(({ type }) => statuses.push(type));
  return statuses;
}

describe("a lost connection", () => {
  it("is restored with its subscriptions, and what was published meanwhile is sent", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: broker.url });
    const statuses = statusesOf(transport);
    const seen: string[] = [];
    transport.subscribe("x", { onMessage: (message) => seen.push(message.text()) });
    await broker.kill();
    await waitFor(() => !transport.connected);
    transport.publish("x", "while away");
    await broker.restart();
    await waitFor(() => seen.length > 0);
    expect(seen).toEqual(["while away"]);
    expect(statuses.at(0)).toBe("disconnected");
    expect(statuses.at(-1)).toBe("reconnected");
    const late = transport.request("nobody", "", { timeoutMs: 5_000 });
    await expect(late).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  });

  it("leaves open what became of appends in flight", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: broker.url });
    // A stream that answers late: nobody does.
    transport.subscribe("silent", { onMessage: () => {} });
    await transport.flush();
    const append = expect(transport.jetstream.append("silent", "")).rejects.toMatchObject({
      code: "UNKNOWN_OUTCOME",
    });
    await transport.flush();
    await broker.kill();
    await append;
  });

  it("is given up after the rounds that were asked for", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: broker.url, maxReconnects: 2 });
    const statuses = statusesOf(transport);
    await broker.kill();
    await waitFor(() => statuses.includes("closed"));
    expect(() => transport.publish("x", "")).toThrow("closed");
  });

  it("keeps no more for later than it was told to", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: broker.url, maxBufferedBytes: 1_000 });
    await broker.kill();
    await waitFor(() => !transport.connected);
    transport.publish("x", new Uint8Array(600));
    expect(() => transport.publish("x", new Uint8Array(600))).toThrow("wait to be written");
  });

  it("does not stop a consumption or an ordered read", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: broker.url });
    const { jetstream } = transport;
    await jetstream.streams.ensure({ name: "S", subjects: ["s"] });
    await jetstream.consumers.ensure("S", { name: "c", ackWaitMs: 1_000 });
    const consumed = new Set<number>();
    const read: number[] = [];
    const consumption = await jetstream.consume("S", "c", {
      maxInFlight: 10,
      onMessage: (message) => {
        consumed.add(message.sequence);
        message.ack();
      },
    });
    const reader = await jetstream.readOrdered("S", {
      onBatch: (messages) => void read.push(...messages.map(({ sequence }) => sequence)),
    });
    for (let i = 0; i < 20; i++) await jetstream.append("s", "");
    await waitFor(() => consumed.size === 20 && read.length === 20);
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await broker.restart({ signal });
      await waitFor(() => transport.connected);
      const before = consumed.size;
      for (let i = 0; i < 20; i++) await waitFor(() => jetstream.append("s", ""), { timeoutMs: 10_000 });
      await waitFor(() => consumed.size >= before + 20 && read.length >= before + 20, { timeoutMs: 15_000 });
    }
    expect(read).toEqual(Array.from(read, (_, index) => index + 1));
    await reader.stop();
    await consumption.stop();
  }, 40_000);

  it("is noticed when the server stays silent", async () => {
    const silent = createServer((socket) => {
      socket.on("error", () => {});
      socket.write('INFO {"server_id":"X","version":"2.9.10","max_payload":1000,"headers":true}\r\n');
      socket.once("data", () => socket.write("PONG\r\n"));
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    opened.push({ close: async () => void silent.close() });
    const { port } = silent.address() as { port: number };
    const transport = await connect({ servers: `127.0.0.1:${port}`, pingInterval: 20, maxPingsOut: 2 });
    const statuses = statusesOf(transport);
    await waitFor(() => statuses.includes("disconnected"));
  });
});

describe("connecting", () => {
  it("fails with the reason, or waits for a server that starts later", async () => {
    const broker = await startBroker();
    await broker.kill();
    await expect(connectNats({ servers: broker.url })).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
    const waiting = connect({ servers: broker.url, waitForServer: "10s" });
    await broker.restart();
    expect((await waiting).connected).toBe(true);
    await expect(connectNats({ servers: "http://x" })).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
    await expect(connectNats({ servers: [] })).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });

  it("takes the first server that accepts", async () => {
    const broker = await startBroker();
    const transport = await connect({ servers: ["127.0.0.1:1", broker.url] });
    expect(transport.server.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  it("proves who connects by token, and by user and password", async () => {
    const broker = await startBroker('authorization { token: "s3cret" }');
    await connect({ servers: broker.url, authentication: { token: () => "s3cret" } });
    await connect({ servers: broker.url.replace("://", "://s3cret@") });
    await expect(connectNats({ servers: broker.url })).rejects.toThrow(/Authorization Violation/);

    const users = await startBroker('authorization { users: [{ user: "u", password: "p@ss" }] }');
    await connect({ servers: users.url, authentication: { user: "u", password: "p@ss" } });
    await connect({ servers: users.url.replace("://", "://u:p%40ss@") });
  });

  it("proves who connects by an nkey", async () => {
    // Seed and public key of the example in the documentation of nats-server's nkey authentication.
    const nkeySeed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const broker = await startBroker(
      'authorization { users: [{ nkey: "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }] }',
    );
    await connect({ servers: broker.url, authentication: { nkeySeed } });
    await expect(connectNats({ servers: broker.url })).rejects.toThrow(/Authorization Violation/);
    const damaged = nkeySeed.replace("SL3", "SL4");
    await expect(connectNats({ servers: broker.url, authentication: { nkeySeed: damaged } })).rejects.toThrow(
      /nkey seed is damaged/,
    );
  });

  it("tells what the server does not permit", async () => {
    const broker = await startBroker(
      `authorization { users: [{ user: "u", password: "p", permissions: {
         publish: ["ok", "_INBOX.>"], subscribe: ["ok", "_INBOX.>"] } }] }`,
    );
    const transport = await connect({ servers: broker.url.replace("://", "://u:p@") });
    const errors: Error[] = [];
    transport.subscribe("no", { onMessage: () => {}, onError: (error) => errors.push(error) });
    await transport.flush();
    expect(errors).toMatchObject([{ code: "PERMISSION_DENIED" }]);
    await expect(transport.request("no", "", { timeoutMs: 5_000 })).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
    });
  });
});
