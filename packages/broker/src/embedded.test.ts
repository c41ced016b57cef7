import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type NatsConnection } from "nats";
import { expect, onTestFinished, test } from "vitest";
import { startBroker } from "./broker.js";
import { embedded } from "./embedded.js";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "ganglion-embedded-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(servers: readonly string[]): Promise<NatsConnection> {
  const connection = await connect({ servers: [...servers], reconnect: false });
  onTestFinished(() => connection.close());
  return connection;
}

test("embedded starts a broker with JetStream, and stops it when it is given back", async () => {
  const endpoint = await embedded().open();
  const connection = await open(endpoint.servers);
  const streams = await connection.jetstreamManager();
  expect((await streams.getAccountInfo()).streams).toBe(0);
  await endpoint.close();
  await endpoint.close();
  await connection.closed();
  await expect(open(endpoint.servers)).rejects.toMatchObject({ code: "CONNECTION_REFUSED" });
});

test("embedded keeps streams in its store directory", async () => {
  const source = embedded({ storeDir: directory() });
  {
    await using endpoint = await source.open();
    const streams = await (await open(endpoint.servers)).jetstreamManager();
    await streams.streams.add({ name: "S", subjects: ["s"] });
  }
  await using endpoint = await source.open();
  const streams = await (await open(endpoint.servers)).jetstreamManager();
  expect((await streams.streams.info("S")).config.name).toBe("S");
});

test("embedded joins the broker that serves its store directory, and leaves it running", async () => {
  const storeDir = directory();
  await using broker = await startBroker({ jetstream: { storeDir } });
  const joined = await embedded({ storeDir }).open();
  expect(joined.servers).toEqual([broker.url]);
  await joined.close();
  await open([broker.url]);
});

test("embedded says so when its store directory is in use and nobody serves it", async () => {
  const storeDir = directory();
  mkdirSync(join(storeDir, "streams"));
  writeFileSync(join(storeDir, "broker.json"), '{"url":"nats://127.0.0.1:1"}');
  const lock = createServer().listen(join(storeDir, "lock.sock"));
  onTestFinished(() => void lock.close());
  await expect(embedded({ storeDir }).open()).rejects.toMatchObject({
    code: "STORE_IN_USE",
    retryable: true,
    details: { storeDir },
  });
  await expect(embedded({ storeDir }).open(AbortSignal.abort())).rejects.toMatchObject({ code: "ABORTED" });
});

test("a broker that cannot listen gives its store back", async () => {
  const storeDir = directory();
  await using other = await startBroker();
  await expect(startBroker({ port: other.port, jetstream: { storeDir } })).rejects.toMatchObject({
    code: "LISTEN_FAILED",
  });
  await using _broker = await startBroker({ jetstream: { storeDir } });
});
