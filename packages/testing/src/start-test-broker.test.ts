import { connect } from "nats";
import { expect, it } from "vitest";
import { describeBrokers } from "./describe-brokers.js";
import { brokerKindFromEnvironment, defaultBrokerKind, startTestBroker } from "./start-test-broker.js";
import { tempDirectory } from "./temp-directory.js";

describeBrokers("startTestBroker", (start, kind) => {
  it("is ready for clients, with JetStream unless told otherwise", async () => {
    await using broker = await start();
    expect(broker.kind).toBe(kind);
    expect(broker.servers).toEqual([broker.url]);
    const connection = await connect({ servers: broker.url });
    expect(connection.info?.jetstream).toBe(true);
    await connection.close();

    await using plain = await start({ jetstream: false });
    const second = await connect({ servers: plain.url });
    expect(second.info?.jetstream).toBeFalsy();
    await second.close();
  });

  it("keeps its address over a restart and is gone when closed", async () => {
    await using broker = await start();
    const url = broker.url;
    await broker.restart();
    expect(broker.url).toBe(url);
    await (await connect({ servers: url })).close();
    await broker.close();
    await broker.close();
    await expect(connect({ servers: url, maxReconnectAttempts: 0 })).rejects.toThrow();
  });
});

describeBrokers(
  "storeDir",
  (start, kind) => {
    it("keeps streams over restarts and after the broker is closed", async () => {
      await using store = await tempDirectory();
      await using broker = await start({ storeDir: store.path });
      await addStream(broker.url, "KEPT");
      await broker.restart();
      expect(await streamNames(broker.url)).toEqual(["KEPT"]);
      if (kind !== "embedded") {
        await broker.restart({ signal: "SIGKILL" });
        expect(await streamNames(broker.url)).toEqual(["KEPT"]);
      }
      await broker.close();
      await using second = await start({ storeDir: store.path });
      expect(await streamNames(second.url)).toEqual(["KEPT"]);
    });
  },
  { kinds: ["embedded", "nats-server", "broker-process"] },
);

it("an embedded broker refuses what it cannot do", async () => {
  const unsupported = { code: "TEST_BROKER_UNSUPPORTED" };
  await using broker = await startTestBroker({ kind: "embedded", jetstream: false });
  await expect(broker.kill()).rejects.toMatchObject(unsupported);
  await expect(broker.restart({ signal: "SIGKILL" })).rejects.toMatchObject(unsupported);
});

describeBrokers(
  "a broker in a process of its own",
  (start) => {
    it("stays down when killed until it is restarted", async () => {
      await using broker = await start();
      const reachable = () =>
        connect({ servers: broker.url, maxReconnectAttempts: 0 }).then(
          (connection) => connection.close().then(() => true),
          () => false,
        );
      await broker.kill();
      expect(await reachable()).toBe(false);
      await broker.restart();
      expect(await reachable()).toBe(true);
      await broker.restart({ signal: "SIGKILL" });
      expect(await reachable()).toBe(true);
    });
  },
  { kinds: ["nats-server", "broker-process"] },
);

describeBrokers(
  "config",
  (start) => {
    it("takes settings in the syntax of nats-server's configuration file", async () => {
      await using broker = await start({ config: "max_payload: 2048" });
      const connection = await connect({ servers: broker.url });
      expect(connection.info?.max_payload).toBe(2048);
      await connection.close();
    });

    it("that does not get ready fails with the end of its log", async () => {
      await expect(start({ config: "no_such_setting: 1" })).rejects.toMatchObject({
        code: "TEST_BROKER_START_FAILED",
        message: expect.stringContaining("no_such_setting"),
      });
    });
  },
  { kinds: ["embedded", "nats-server", "broker-process"] },
);

it("brokerKindFromEnvironment takes the names of brokers and nothing else", () => {
  expect(brokerKindFromEnvironment({})).toBeUndefined();
  expect(brokerKindFromEnvironment({ GANGLION_TEST_BROKER: "nats-server" })).toBe("nats-server");
  expect(defaultBrokerKind({ GANGLION_TEST_BROKER: "" })).toBe("embedded");
  expect(() => brokerKindFromEnvironment({ GANGLION_TEST_BROKER: "redis" })).toThrow(
    'GANGLION_TEST_BROKER is "redis": use one of embedded, nats-server, broker-process, container',
  );
});

it("startTestBroker says when the program is not installed", async () => {
  const path = process.env.PATH;
  process.env.PATH = "";
  try {
    await expect(startTestBroker({ kind: "nats-server" })).rejects.toMatchObject({
      code: "TEST_BROKER_UNAVAILABLE",
    });
  } finally {
    process.env.PATH = path;
  }
});

async function addStream(url: string, name: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name, subjects: [`${name}.>`] });
  await connection.close();
}

async function streamNames(url: string): Promise<readonly string[]> {
  const connection = await connect({ servers: url });
  const manager = await connection.jetstreamManager();
  const streams = await manager.streams.list().next();
  await connection.close();
  return streams.map((stream) => stream.config.name);
}
