import { once } from "node:events";
import { VirtualClock } from "@ganglion/kernel";
import { ServerOperationCollector, ServerOperationParser } from "@ganglion/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { RawClient } from "../../../test/support/raw-client.js";
import { type Broker, startBroker } from "./broker.js";
import type { BrokerOptions } from "./options.js";

const QUIET = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n';

async function start(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await startBroker(options);
  onTestFinished(() => broker.close());
  return broker;
}

async function open(broker: Broker): Promise<RawClient> {
  const client = await RawClient.open(broker.url);
  onTestFinished(() => client.close());
  return client;
}

describe("startBroker", () => {
  test("gives out its address, and fails clearly when it is taken", async () => {
    const broker = await start({ serverName: "first" });
    expect(broker.url).toBe(`nats://127.0.0.1:${broker.port}`);
    expect(broker.serverName).toBe("first");
    expect(broker.serverId).toMatch(/^N[A-Z2-7]{55}$/);
    await expect(startBroker({ port: broker.port })).rejects.toMatchObject({
      code: "LISTEN_FAILED",
      retryable: true,
      details: { host: "127.0.0.1", port: broker.port },
    });
    await expect(startBroker({ host: "256.0.0.1" })).rejects.toMatchObject({ code: "LISTEN_FAILED" });
  });

  test("greets with INFO and answers the first PING of a client that understands it with its account", async () => {
    const broker = await start({ serverName: "n", maxPayloadBytes: 2048 });
    const client = await open(broker);
    client.send(`${QUIET}PING\r\nPING\r\n`);
    await client.until(/PONG\r\n.*PONG\r\n/s);
    const infos = [...client.received.matchAll(/INFO (.*) \r\n/g)].map((match) => JSON.parse(match[1] ?? ""));
    expect(infos[0]).toEqual({
      server_id: broker.serverId,
      server_name: "n",
      version: expect.stringMatching(/^2\.\d+\.\d+$/),
      proto: 1,
      go: expect.stringMatching(/^node/),
      host: "127.0.0.1",
      port: broker.port,
      headers: true,
      max_payload: 2048,
      api_lvl: 4,
      client_id: 1,
      client_ip: "127.0.0.1",
    });
    expect(infos.slice(1)).toEqual([{ ...infos[0], connect_info: true, remote_account: "$G" }]);
  });

  test("close ends connections, refuses new ones and may be called twice", async () => {
    const broker = await startBroker();
    const client = await RawClient.open(broker.url);
    await Promise.all([broker.close(), broker.close()]);
    await client.closed();
    await expect(RawClient.open(broker.url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("delivers what is in the outbox before it closes", async () => {
    const broker = await startBroker();
    const client = await RawClient.open(broker.url);
    client.send(`${QUIET}SUB a 1\r\n`);
    await client.sync();
    const publisher = await RawClient.open(broker.url);
    publisher.send(`${QUIET}PUB a ${1_000_000}\r\n${"x".repeat(1_000_000)}\r\n`);
    await publisher.sync();
    await broker.close();
    await client.closed();
    expect(client.received).toMatch(/MSG a 1 1000000\r\nx{1000000}\r\n/);
  });

  test("counts connections and messages, also of connections that are gone", async () => {
    const broker = await start();
    const client = await open(broker);
    client.send(`${QUIET}SUB a 1\r\nPUB a 5\r\nhello\r\nPUB b 3\r\nabc\r\n`);
    await client.sync();
    const expected = {
      totalConnections: 1,
      slowConsumers: 0,
      staleConnections: 0,
      stalls: 0,
      inMessages: 2,
      inBytes: 8,
      outMessages: 1,
      outBytes: 5,
    };
    expect(broker.statistics()).toEqual({ connections: 1, ...expected });
    client.close();
    await expect.poll(() => broker.statistics()).toEqual({ connections: 0, ...expected });
  });

  test("traces operations in both directions", async () => {
    const lines: string[] = [];
    const broker = await start({
      traceLine: (line) => lines.push(line.replace(/^.* - /, "")),
      maxTracedMessageBytes: 3,
    });
    const client = await open(broker);
    client.send(
      'CONNECT {"verbose":false,"protocol":0,"pass":"secret"}\r\nSUB a q 1\r\nPUB a r 5\r\nhello\r\nUNSUB 1\r\n',
    );
    await client.sync();
    expect(lines).toEqual([
      '<<- [CONNECT {"verbose":false,"protocol":0,"pass":"[REDACTED]"}]',
      "<<- [SUB a q 1]",
      "<<- [PUB a r 5]",
      '<<- MSG_PAYLOAD: ["hel..."]',
      "->> [MSG a 1 r 5]",
      "<<- [UNSUB 1]",
      "->> [DELSUB 1]",
      "<<- [PING]",
      "->> [PONG]",
    ]);
  });

  test("a second CONNECT drops the subscriptions", async () => {
    const client = await open(await start());
    client.send(`${QUIET}SUB a 1\r\n${QUIET}SUB b 1\r\nPUB a 1\r\nx\r\nPUB b 1\r\ny\r\n`);
    await client.sync();
    expect(client.received).toMatch(/ \r\nMSG b 1 1\r\ny\r\nPONG/);
  });
});

describe("a queue group", () => {
  test("shares messages among its members, and those of a closed connection go to the others", async () => {
    const broker = await start();
    const members = await Promise.all([open(broker), open(broker), open(broker)]);
    for (const member of members) {
      member.send(`${QUIET}SUB a q 1\r\n`);
      await member.sync();
    }
    const publisher = await open(broker);
    const count = 300;
    publisher.send(QUIET + "PUB a 0\r\n\r\n".repeat(count));
    await publisher.sync();
    for (const member of members) await member.sync();
    const received = members.map((member) => member.received.split("MSG a 1 0").length - 1);
    expect(received.reduce((sum, n) => sum + n)).toBe(count);
    // Each of three members misses 300 messages with probability (2/3)^300.
    expect(Math.min(...received)).toBeGreaterThan(0);
    members[0]?.close();
    members[1]?.close();
    await expect.poll(() => broker.statistics().connections).toBe(2);
    publisher.send("PUB a 0\r\n\r\n".repeat(count));
    await publisher.sync();
    await members[2]?.sync();
    expect((members[2]?.received.split("MSG a 1 0").length ?? 0) - 1).toBe((received[2] ?? 0) + count);
  });
});

describe("time limits, on a virtual clock", () => {
  const PING_EVERY_MS = 60_000;

  test("a silent client gets PINGs and is closed as stale after two without an answer", async () => {
    const clock = new VirtualClock();
    const client = await open(await start({ clock, pingIntervalMs: PING_EVERY_MS }));
    client.send(QUIET);
    await client.sync();
    clock.advance(2_500); // the first PING comes early, to measure the round trip
    await client.until(/\r\nPING\r\n$/);
    clock.advance(PING_EVERY_MS);
    await client.until(/\r\nPING\r\nPING\r\n$/);
    clock.advance(PING_EVERY_MS);
    await client.closed();
    expect(client.received).toMatch(/PING\r\n-ERR 'Stale Connection'\r\n$/);
  });

  test("an active client gets no PING beside the first, and an answer counts", async () => {
    const clock = new VirtualClock();
    const client = await open(await start({ clock, pingIntervalMs: PING_EVERY_MS }));
    client.send(QUIET);
    await client.sync();
    clock.advance(2_500);
    await client.until(/PING\r\n/);
    for (let i = 0; i < 5; i++) {
      client.send("PONG\r\nPUB a 0\r\n\r\n");
      await client.sync();
      clock.advance(PING_EVERY_MS - 1);
      await client.sync();
    }
    expect(client.received.split("PING\r\n").length - 1).toBe(1);
    expect(client.isClosed).toBe(false);
  });

  test("a client that does not authenticate in time is told so", async () => {
    const clock = new VirtualClock();
    const client = await open(await start({ clock, authorization: { token: "t", timeoutMs: 2_000 } }));
    clock.advance(1_999);
    expect(client.isClosed).toBe(false);
    clock.advance(1);
    await client.closed();
    expect(client.received).toMatch(/-ERR 'Authentication Timeout'\r\n$/);
  });

  test("a client that authenticates in time stays", async () => {
    const clock = new VirtualClock();
    const client = await open(await start({ clock, authorization: { token: "t", timeoutMs: 2_000 } }));
    client.send('CONNECT {"verbose":false,"auth_token":"t"}\r\n');
    await client.sync();
    clock.advance(10_000);
    await client.sync();
  });
});

describe("slow consumers", () => {
  const PAYLOAD = "x".repeat(64 * 1024);
  const MESSAGE = `PUB a ${PAYLOAD.length}\r\n${PAYLOAD}\r\n`;

  /** A subscriber that does not read, and a publisher that has sent it more than the kernel takes. */
  async function flood(options: BrokerOptions, until: (broker: Broker) => boolean) {
    const broker = await start(options);
    const slow = await open(broker);
    slow.send(`${QUIET}SUB a 1\r\n`);
    await slow.sync();
    slow.pause();
    const publisher = await open(broker);
    publisher.send(QUIET);
    for (let i = 0; i < 2_000 && !until(broker); i++) {
      publisher.send(MESSAGE);
      await publisher.sync();
    }
    return { broker, slow, publisher };
  }

  test("are closed when more than the allowed bytes wait, and nobody else is", async () => {
    const { broker, slow, publisher } = await flood(
      { maxPendingBytes: 4 * 1024 * 1024 },
      (running) => running.statistics().slowConsumers > 0,
    );
    expect(broker.statistics()).toMatchObject({ slowConsumers: 1, connections: 1 });
    await publisher.sync();
    slow.resume();
    await slow.closed();
  });

  test("are closed when a write takes longer than the deadline", async () => {
    const clock = new VirtualClock();
    const { broker } = await flood(
      { clock, writeDeadlineMs: 10_000 },
      (running) => running.statistics().outMessages >= 200,
    );
    expect(broker.statistics().slowConsumers).toBe(0);
    clock.advance(10_000);
    expect(broker.statistics()).toMatchObject({ slowConsumers: 1, connections: 1 });
  });

  test("get everything, in order, when they read again in time", async () => {
    const count = 200;
    const broker = await start();
    const slow = await open(broker);
    slow.send(`${QUIET}SUB a 1\r\n`);
    await slow.sync();
    slow.pause();
    const publisher = await open(broker);
    publisher.send(QUIET);
    for (let i = 0; i < count; i++) {
      const payload = `${i}:${"y".repeat(50_000)}`;
      publisher.send(`PUB a ${payload.length}\r\n${payload}\r\n`);
    }
    await publisher.sync();
    slow.resume();
    await slow.sync();
    const numbers = [...slow.received.matchAll(/\r\n(\d+):y{50000}\r\n/g)].map((match) => Number(match[1]));
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
  });
});

describe("connectInProcess", () => {
  test("speaks the protocol without a socket", async () => {
    const broker = await start();
    const stream = broker.connectInProcess();
    const collector = new ServerOperationCollector();
    const parser = new ServerOperationParser(collector);
    stream.on("data", (chunk: Buffer) => parser.feed(chunk));
    const payload = Buffer.alloc(300_000, "z");
    stream.write(`${QUIET}SUB a 1\r\n`);
    stream.write(
      Buffer.concat([Buffer.from(`PUB a r ${payload.length}\r\n`), payload, Buffer.from("\r\nPING\r\n")]),
    );
    await expect.poll(() => collector.operations.some(({ op }) => op === "PONG")).toBe(true);
    const messages = collector.operations.filter((operation) => operation.op === "MSG");
    expect(messages).toMatchObject([{ sid: "1", subject: "a", reply: "r" }]);
    expect(Buffer.from(messages[0]?.payload ?? "").equals(payload)).toBe(true);
    stream.end();
    await once(stream, "close");
    await expect.poll(() => broker.statistics().connections).toBe(0);
  });

  test("ends when the broker closes", async () => {
    const broker = await startBroker();
    const stream = broker.connectInProcess();
    stream.resume();
    const ended = once(stream, "end");
    await broker.close();
    await ended;
  });
});
