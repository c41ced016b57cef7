import { brokerAvailability, startTestBroker, type TestBroker, type TestBrokerKind } from "@ganglion/testing";
import { AckPolicy, connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { shapeDifferences, shapeOf } from "./monitoring/json-shape.js";
import {
  ENDPOINTS,
  explained,
  FLOATS,
  MAPS,
  REFUSALS,
  unusedExplanations,
} from "./monitoring/shape-differences.js";

const CONFIG = `
http: "127.0.0.1:-1"
server_name: shapes
max_subscriptions: 1000
server_tags: ["a", "b"]
`;

/** Accounts that share with each other. */
const ACCOUNTS = `
http: "127.0.0.1:-1"
no_auth_user: a
accounts {
  A {
    users: [{ user: a, password: a }]
    exports: [
      { service: "svc.>", response_type: stream, accounts: [B] }
      { stream: "st.*" }
      { service: "lat.one", latency: { sampling: 50%, subject: "lat.res" } }
    ]
    mappings: { "m.in": "m.out", "w.in": [{ destination: "w.1", weight: 30% }, { destination: "w.2", weight: 70% }] }
  }
  B {
    users: [{ user: b, password: b }]
    imports: [
      { service: { account: A, subject: "svc.>" }, to: "mine.>" }
      { stream: { account: A, subject: "st.*" }, prefix: "p" }
      { service: { account: A, subject: "lat.one" }, share: true }
    ]
  }
}
`;

/** A broker with the same things going on, whichever it is. */
class LoadedBroker {
  private constructor(
    private readonly broker: TestBroker,
    private readonly connections: readonly NatsConnection[],
  ) {}

  static async start(kind: TestBrokerKind): Promise<LoadedBroker> {
    const broker = await startTestBroker({ kind, config: CONFIG });
    const gone = await connect({ servers: broker.url, name: "gone" });
    gone.subscribe("gone.>");
    await gone.flush();
    await gone.close();
    const connection = await connect({ servers: broker.url, name: "load" });
    connection.subscribe("a.>");
    connection.subscribe("work", { queue: "workers" });
    connection.subscribe("few", { max: 5 });
    connection.publish("a.b", new Uint8Array(10));
    connection.publish("few", new Uint8Array(10));
    await connection.flush();
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: "S", subjects: ["s.>"], max_bytes: 1_000_000 });
    await manager.consumers.add("S", { durable_name: "C", ack_policy: AckPolicy.Explicit });
    await manager.streams.info("NOPE").catch(() => {});
    const jetstream = connection.jetstream();
    await jetstream.publish("s.1");
    await jetstream.publish("s.2");
    const message = await (await jetstream.consumers.get("S", "C")).next();
    await message?.ackAck();
    return new LoadedBroker(broker, [connection]);
  }

  async get(path: string): Promise<{ status: number; type: string | null; text: string }> {
    const response = await fetch(`${this.broker.monitoringUrl}${path}`);
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    };
  }

  async close(): Promise<void> {
    for (const connection of this.connections) await connection.close();
    await this.broker.close();
  }
}

const absent = brokerAvailability("nats-server").reason;
if (absent !== undefined && process.env.CI === "true") {
  throw new Error(`nats-server must be available where CI=true: ${absent}`);
}
const suite = absent === undefined ? describe : describe.skip;

suite(`monitoring answers have the keys and types of nats-server's${absent ? ` (${absent})` : ""}`, () => {
  let ours: LoadedBroker;
  let theirs: LoadedBroker;

  beforeAll(async () => {
    [ours, theirs] = await Promise.all([LoadedBroker.start("embedded"), LoadedBroker.start("nats-server")]);
  });
  afterAll(async () => {
    await ours.close();
    await theirs.close();
  });

  const used = new Set<string>();

  it.each(ENDPOINTS)("%s", async (path) => {
    const [own, reference] = await Promise.all([ours.get(path), theirs.get(path)]);
    expect({ path, status: own.status, type: own.type }).toEqual({
      path,
      status: reference.status,
      type: reference.type,
    });
    const [a, b] = [own, reference].map(({ text }) => shapeOf(JSON.parse(text), MAPS));
    const differences = shapeDifferences(a ?? {}, b ?? {});
    expect(differences.filter((difference) => !explained(path, difference, used))).toEqual([]);
  });

  it("tells the exports, imports and mappings of accounts", async () => {
    const brokers = await Promise.all(
      (["embedded", "nats-server"] as const).map((kind) =>
        startTestBroker({ kind, config: ACCOUNTS, jetstream: false }),
      ),
    );
    onTestFinished(async () => {
      for (const broker of brokers) await broker.close();
    });
    for (const path of ["/accountz?acc=A", "/accountz?acc=B", "/accstatz?unused=1", "/connz?acc=A&auth=1"]) {
      const [a, b] = await Promise.all(
        brokers.map(async ({ monitoringUrl }) =>
          shapeOf(await (await fetch(`${monitoringUrl}${path}`)).json(), MAPS),
        ),
      );
      const differences = shapeDifferences(a ?? {}, b ?? {});
      expect({ path, differences: differences.filter((each) => !explained(path, each, used)) }).toEqual({
        path,
        differences: [],
      });
    }
  });

  it.each(ENDPOINTS)("%s has whole numbers where tools read them into integers", async (path) => {
    const fractions: string[] = [];
    JSON.parse((await ours.get(path)).text, (key, value: unknown) => {
      if (typeof value === "number" && !Number.isInteger(value) && !FLOATS.has(key)) fractions.push(key);
      return value;
    });
    expect(fractions).toEqual([]);
  });

  it.each(REFUSALS)("refuses %s in the same words", async (path) => {
    expect(await ours.get(path)).toEqual(await theirs.get(path));
  });

  it("wraps an answer into a call", async () => {
    const wrapped = await Promise.all([ours, theirs].map((broker) => broker.get("/routez?callback=show")));
    expect(wrapped.map(({ status, type, text }) => [status, type, text.slice(0, 6), text.slice(-2)])).toEqual(
      [
        [200, "application/javascript", "show({", "})"],
        [200, "application/javascript", "show({", "})"],
      ],
    );
  });

  it("needs every explanation that is given", () => {
    expect(unusedExplanations(used)).toEqual([]);
  });
});
