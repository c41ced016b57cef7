import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { startTestBroker, type TestBroker } from "@ganglion/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HealthyClient } from "./fuzz/healthy-client.js";

const CONFIG = `
  max_connections: 1000
  max_pending: 4MB
  ping_interval: "1s"
`;
/** What the broker may use more after any of this than before: a few times max_pending, and garbage. */
const MORE_MIB = 256;

const sockets = new Set<Socket>();
let broker: TestBroker;
let healthy: HealthyClient;
let residentBefore: number;

beforeAll(async () => {
  broker = await startTestBroker({ kind: "broker-process", config: CONFIG });
  healthy = await HealthyClient.open(broker.url);
  residentBefore = residentMiB();
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await broker.close();
});

/** Memory of the broker's process; 0 where the system does not tell. */
function residentMiB(): number {
  const file = `/proc/${broker.pid}/status`;
  return existsSync(file) ? Number(/VmRSS:\s+(\d+)/.exec(readFileSync(file, "utf8"))?.[1]) / 1024 : 0;
}

/** A connection that sends what it is told and notes what it receives. */
class Enemy {
  received = "";
  /** Whether it is no enemy in this respect. */
  answersPings = false;
  readonly closed: Promise<void>;

  constructor(readonly socket: Socket) {
    sockets.add(socket);
    socket.on("error", () => {}); // a reset is an end as well
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    void this.closed.then(() => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      if (this.answersPings && chunk.includes("PING\r\n")) socket.write("PONG\r\n");
      if (this.received.length < 10_000) this.received += chunk.toString("latin1");
    });
  }

  /** Connects without waiting. */
  static start(): Enemy {
    const { hostname, port } = new URL(broker.url);
    return new Enemy(connect({ host: hostname, port: Number(port), noDelay: true }));
  }

  static async open(): Promise<Enemy> {
    const enemy = Enemy.start();
    await once(enemy.socket, "connect");
    return enemy;
  }

  /** Writes and waits until the system has taken it, or the connection is gone. */
  async send(bytes: string | Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.socket.write(bytes, () => resolve()));
  }

  async has(text: string): Promise<void> {
    await expect.poll(() => this.received, { timeout: 10_000 }).toContain(text);
  }
}

function openMany(count: number): Promise<Enemy[]> {
  return Promise.all(Array.from({ length: count }, () => Enemy.open()));
}

/** Round trips of the healthy client since this was asked last. */
async function servedMeanwhile(): Promise<void> {
  const { messages } = await healthy.stop();
  expect(messages).toBeGreaterThan(1);
  healthy = await HealthyClient.open(broker.url);
  expect(residentMiB()).toBeLessThan(residentBefore + MORE_MIB);
}

describe("others are served, and memory stays bounded, in spite of", () => {
  test("readers that do not read", async () => {
    const readers = await openMany(10);
    for (const reader of readers) {
      await reader.send('CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n');
      await reader.has("PONG");
      reader.socket.pause();
    }
    const publisher = await Enemy.open();
    await publisher.send('CONNECT {"verbose":false}\r\n');
    const message = Buffer.from(`PUB flood 1000\r\n${"x".repeat(1000)}\r\n`);
    const batch = Buffer.concat(new Array(1_000).fill(message));
    // 30 MB: more than the system's buffers and max_pending take.
    for (let i = 0; i < 30; i++) await publisher.send(batch);
    await publisher.send("PING\r\n");
    await publisher.has("PONG");
    for (const reader of readers) reader.socket.resume();
    await Promise.all(readers.map((reader) => reader.closed));
    await servedMeanwhile();
  });

  test("connections that stay half open", async () => {
    const halves = [
      "",
      "CONN",
      'CONNECT {"verbo',
      "PUB a 100\r\nhalf",
      "SUB a",
      'CONNECT {"verbose":false}\r\n',
    ];
    const enemies = await openMany(300);
    for (const [index, enemy] of enemies.entries()) await enemy.send(halves[index % halves.length] ?? "");
    await Promise.all(enemies.map((enemy) => enemy.closed));
    for (const enemy of enemies) expect(enemy.received).toContain("-ERR 'Stale Connection'");
    await servedMeanwhile();
  });

  test("a flood of 2,000 connections", async () => {
    const enemies = Array.from({ length: 2_000 }, () => Enemy.start());
    const greeted = () => enemies.filter((enemy) => enemy.received.includes("\r\n")).length;
    await expect.poll(greeted, { timeout: 15_000 }).toBe(enemies.length);
    const refused = enemies.filter((enemy) => enemy.received.includes("-ERR 'maximum connections exceeded'"));
    expect(refused.length).toBeGreaterThanOrEqual(900);
    for (const enemy of enemies) enemy.socket.resetAndDestroy();
    await expect.poll(async () => (await answers()).includes("PONG"), { timeout: 10_000 }).toBe(true);
    await servedMeanwhile();
  });

  test("control lines without end", async () => {
    const enemies = await openMany(40);
    const line = Buffer.alloc(1024 * 1024, "a");
    await Promise.all(enemies.map((enemy, index) => enemy.send(index % 2 === 0 ? "SUB " : "PING ")));
    await Promise.all(enemies.map((enemy) => enemy.send(line)));
    await Promise.all(enemies.map((enemy) => enemy.closed));
    await servedMeanwhile();
  });

  test("messages that consist of headers, also into a stream", async () => {
    const enemy = await Enemy.open();
    await enemy.send('CONNECT {"verbose":false,"headers":true}\r\nSUB created 1\r\n');
    const config = JSON.stringify({ name: "BOMBS", subjects: ["bomb"], storage: "memory", max_msgs: 1 });
    await enemy.send(`PUB $JS.API.STREAM.CREATE.BOMBS created ${config.length}\r\n${config}\r\n`);
    await enemy.has('"config"');
    const deaf = await Enemy.open();
    deaf.answersPings = true;
    enemy.answersPings = true;
    await deaf.send('CONNECT {"verbose":false}\r\nSUB bomb 1\r\nPING\r\n');
    await deaf.has("PONG"); // it listens before the first bomb
    const lines = "Nats-Msg-Id: x\r\nA:b\r\n".repeat(45_000);
    const block = `NATS/1.0\r\n${lines}\r\n`;
    const bomb = Buffer.from(`HPUB bomb created ${block.length} ${block.length}\r\n${block}\r\n`);
    for (let i = 0; i < 20; i++) await enemy.send(bomb);
    enemy.received = "";
    await enemy.send("PING\r\n");
    await expect
      .poll(() => deaf.received.match(/MSG bomb 1 created 0/g)?.length, { timeout: 10_000 })
      .toBe(20);
    await servedMeanwhile();
  });

  test("connections that are reset in the middle of everything", async () => {
    for (let round = 0; round < 5; round++) {
      const enemies = await openMany(200);
      for (const enemy of enemies) {
        enemy.socket.write("SUB > 1\r\nPUB a 1000\r\nhalf");
        enemy.socket.resetAndDestroy();
      }
    }
    await servedMeanwhile();
  });
});

/** What a new connection is told. */
async function answers(): Promise<string> {
  const client = await Enemy.open();
  await client.send("PING\r\n");
  await client.has("\r\n");
  await expect.poll(() => /PONG|-ERR/.test(client.received)).toBe(true);
  client.socket.destroy();
  return client.received;
}
