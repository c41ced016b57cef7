import { startTestBroker, type TestBroker, waitFor } from "@ganglion/testing";
import { connect, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { STREAM_SCENARIOS, type Step, type StreamScenario } from "./stream-scenarios.js";

/** Fields whose value depends on when and where a test runs; only that they are there is compared. */
const VOLATILE = new Set([
  "ack_floor",
  "created",
  "ts",
  "time",
  "timestamp",
  "first_ts",
  "last_ts",
  "id",
  "active",
  "bytes",
]);
/** What nats-server 2.9 does not say yet, or says of clients that ours does not know. */
const NEWER_OR_OTHER = new Set([
  "ts",
  "compression",
  "consumer_limits",
  "allow_msg_ttl",
  "client",
  "account",
]);
/** Headers whose value depends on time. Not all of ours are in 2.9. */
const TIME_HEADERS = new Set(["Nats-Time-Stamp"]);

type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

function comparable(value: Json, key = ""): Json {
  if (VOLATILE.has(key)) return typeof value;
  if (key === "hdrs" && typeof value === "string") return comparableHeaders(value);
  if (Array.isArray(value)) return value.map((entry) => comparable(entry));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([name, entry]) => !NEWER_OR_OTHER.has(name) && !(name === "metadata" && isVersions(entry)),
  );
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, entry]) => [name, comparable(entry, name)]),
  );
}

/** Since 2.10 a source also tells filter, destination and subject, and drops what the publisher expected. */
function comparableHeaders(base64: string): string {
  return Buffer.from(base64, "base64")
    .toString()
    .replace(/(Nats-Stream-Source: \S+ \d+)[^\r]*/, "$1")
    .replace(/Nats-Expected-[^\r]*\r\n/g, "");
}

/** Metadata in which a newer server tells its version. */
function isVersions(value: Json): boolean {
  return Object.keys(value ?? {}).every((key) => key.startsWith("_nats."));
}

/** What a new stream copies is told at once since 2.10. */
function withoutCopies(response: Json): Json {
  if (typeof response !== "object" || response === null || Array.isArray(response)) return response;
  if (response.did_create !== true) return response;
  return Object.fromEntries(
    Object.entries(response).filter(([name]) => name !== "mirror" && name !== "sources"),
  );
}

function describeMessage(message: Msg): string {
  const lines: string[] = [];
  if (message.headers !== undefined) {
    const { code, description } = message.headers;
    if (code !== 0) lines.push(`${code} ${description}`);
    for (const key of message.headers.keys()) {
      if (!TIME_HEADERS.has(key)) lines.push(`${key}: ${message.headers.values(key).join("|")}`);
    }
  }
  const text = message.string();
  const body = text.startsWith("{")
    ? JSON.stringify(comparable(withoutCopies(JSON.parse(text) as Json)))
    : text;
  return `[${lines.join(", ")}] ${body}`;
}

/** Plays a scenario on one broker. */
class Player {
  readonly seen: string[] = [];
  private readonly heard: string[] = [];

  constructor(private readonly connection: NatsConnection) {}

  async play({ stream = {}, steps }: StreamScenario): Promise<string[]> {
    await this.api("STREAM.CREATE.S", { name: "S", subjects: ["s.>"], storage: "file", ...stream });
    for (const step of steps) await this.step(step);
    await this.connection.flush();
    await this.json("STREAM.INFO.S"); // whatever was on its way is here now
    return [...this.seen, ...this.heard.sort()];
  }

  async cleanUp(): Promise<void> {
    const { streams } = await this.json<{ streams: string[] | null }>("STREAM.NAMES");
    for (const name of streams ?? []) await this.json(`STREAM.DELETE.${name}`);
  }

  private async step(step: Step): Promise<void> {
    switch (step[0]) {
      case "publish":
        await this.publish(step[1], step[2] ?? {}, step[3] ?? "payload");
        return;
      case "fill":
        for (const subject of step.slice(1))
          await this.connection.request(subject, subject, { timeout: 2000 });
        return;
      case "api":
        await this.api(step[1], step[2]);
        return;
      case "read":
        await this.read(step[1] ?? "S");
        return;
      case "reach":
        await waitFor(async () => (await this.lastSequence(step[2] ?? "S")) >= step[1]);
        return;
      case "listen":
        this.connection.subscribe(step[1], {
          callback: (_error, message) =>
            void this.heard.push(`${message.subject} ${describeMessage(message)}`),
        });
        await this.connection.flush();
    }
  }

  private async publish(
    subject: string,
    values: Readonly<Record<string, string>>,
    payload: string,
  ): Promise<void> {
    const set = headers();
    for (const [name, value] of Object.entries(values)) set.append(name, value);
    const options = { timeout: 2000, ...(Object.keys(values).length > 0 ? { headers: set } : {}) };
    try {
      this.seen.push(`publish ${describeMessage(await this.connection.request(subject, payload, options))}`);
    } catch (error) {
      this.seen.push(`publish ${(error as Error).name}`);
    }
  }

  private async api(verb: string, body?: object): Promise<void> {
    const payload = body === undefined ? "" : JSON.stringify(body);
    try {
      const answer = await this.connection.request(`$JS.API.${verb}`, payload, { timeout: 2000 });
      this.seen.push(`${verb} ${describeMessage(answer)}`);
    } catch (error) {
      this.seen.push(`${verb} ${(error as Error).name}`);
    }
  }

  private async read(stream: string): Promise<void> {
    const last = await this.lastSequence(stream);
    for (let seq = 1; seq <= last; seq++) await this.api(`STREAM.MSG.GET.${stream}`, { seq });
    const { state } = await this.json<{ state: { [key: string]: Json } }>(`STREAM.INFO.${stream}`);
    this.seen.push(JSON.stringify(comparable(state)));
  }

  private async lastSequence(stream: string): Promise<number> {
    const { state } = await this.json<{ state?: { last_seq: number } }>(`STREAM.INFO.${stream}`);
    return state?.last_seq ?? 0;
  }

  private async json<T>(verb: string): Promise<T> {
    return (await this.connection.request(`$JS.API.${verb}`, "", { timeout: 2000 })).json<T>();
  }
}

let brokers: TestBroker[] = [];

beforeAll(async () => {
  brokers = [await startTestBroker({ kind: "embedded" }), await startTestBroker({ kind: "nats-server" })];
});

afterAll(async () => {
  for (const broker of brokers) await broker.close();
});

async function play(broker: TestBroker, scenario: StreamScenario): Promise<string[]> {
  const connection = await connect({ servers: broker.url });
  const player = new Player(connection);
  try {
    return await player.play(scenario);
  } finally {
    await player.cleanUp();
    await connection.close();
  }
}

const title = ({ name, differs }: StreamScenario) => (differs === undefined ? name : `${name} (${differs})`);

it.each(STREAM_SCENARIOS.map((scenario) => [title(scenario), scenario] as const))(
  "%s",
  async (_name, scenario) => {
    const [ours, theirs] = await Promise.all(brokers.map((broker) => play(broker, scenario)));
    if (scenario.differs === undefined) expect(ours).toEqual(theirs);
    else expect(ours).not.toEqual(theirs);
    expect(ours?.length).toBeGreaterThan(1);
  },
);
