import { startTestBroker, type TestBroker, waitFor } from "@ganglion/testing";
import { connect, headers, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, it } from "vitest";

/** Values of these headers depend on when a test runs. */
const VOLATILE_HEADERS = new Set(["Nats-Time-Stamp"]);

/** A message as text, without what may differ between two brokers. */
function describeMessage(message: Msg, inbox: string): string {
  const subject = message.subject === inbox ? "INBOX" : message.subject;
  const reply = message.reply?.replace(/\.\d{19}\./, ".TIME.").replace(/(\$JS\.FC\.\w+\.\w+)\.\w+$/, "$1.ID");
  const lines: string[] = [];
  if (message.headers !== undefined) {
    const { code, description } = message.headers;
    if (code !== 0) lines.push(`${code} ${description}`);
    for (const key of message.headers.keys()) {
      lines.push(`${key}: ${VOLATILE_HEADERS.has(key) ? "TIME" : message.headers.values(key).join("|")}`);
    }
  }
  return `${subject} ${reply ?? "-"} [${lines.join(", ")}] ${message.string()}`;
}

/** One client of one broker, and everything it saw. */
class Session {
  readonly seen: string[] = [];
  private readonly replies: string[] = [];
  private inboxes = 0;

  constructor(readonly connection: NatsConnection) {}

  /** Asks and notes the answer. */
  async ask(subject: string, body: unknown = "", values: Record<string, string> = {}): Promise<void> {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    const options = {
      timeout: 2000,
      ...(Object.keys(values).length > 0 ? { headers: headersOf(values) } : {}),
    };
    const answer = await this.connection.request(subject, payload, options);
    this.seen.push(describeMessage(answer, answer.subject));
  }

  /** Asks the API for something whose answer does not matter. */
  async setUp(verb: string, body: object): Promise<void> {
    const answer = await this.connection.request(`$JS.API.${verb}`, JSON.stringify(body), { timeout: 2000 });
    expect(answer.json()).not.toHaveProperty("error");
  }

  async publish(subject: string, ...payloads: string[]): Promise<void> {
    for (const payload of payloads) await this.connection.request(subject, payload, { timeout: 2000 });
  }

  /** Notes what comes to a subject. */
  listen(subject = `inbox.${++this.inboxes}`): string {
    this.connection.subscribe(subject, {
      callback: (_error, message) => {
        this.seen.push(describeMessage(message, subject));
        if (message.reply !== undefined) this.replies.push(message.reply);
      },
    });
    return subject;
  }

  pull(consumer: string, request: object | string = ""): void {
    const body = typeof request === "string" ? request : JSON.stringify(request);
    this.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.S.${consumer}`, body, { reply: this.listen() });
  }

  /** Acknowledges the `n`-th delivery seen, 1-based. */
  async ack(n: number, payload = "+ACK"): Promise<void> {
    await this.connection.request(this.replies[n - 1] ?? "", payload, { timeout: 2000 });
  }

  /** Waits until so many messages were seen in all; what {@link info} noted counts too. */
  async count(count: number): Promise<void> {
    await waitFor(() => this.seen.length >= count);
  }

  /** Waits until so many messages were delivered by consumers. */
  async deliveries(count: number): Promise<void> {
    await waitFor(() => this.replies.length >= count);
  }

  /** Notes the parts of a consumer's info that do not depend on time. */
  async info(consumer: string): Promise<void> {
    const answer = await this.connection.request(`$JS.API.CONSUMER.INFO.S.${consumer}`, "");
    const { delivered, ack_floor, num_ack_pending, num_redelivered, num_waiting, num_pending } = answer.json<{
      delivered: { consumer_seq: number; stream_seq: number };
      ack_floor: { consumer_seq: number; stream_seq: number };
      num_ack_pending: number;
      num_redelivered: number;
      num_waiting: number;
      num_pending: number;
    }>();
    // Before the first acknowledgement the floor is 0 before nats-server 2.12, and where the consumer starts since.
    const floor = ack_floor.consumer_seq === 0 ? "-" : `${ack_floor.consumer_seq}/${ack_floor.stream_seq}`;
    const counts = { num_ack_pending, num_redelivered, num_waiting, num_pending };
    const position = `${delivered.consumer_seq}/${delivered.stream_seq}`;
    this.seen.push(`info ${position} floor ${floor} ${JSON.stringify(counts)}`);
  }
}

function headersOf(values: Record<string, string>) {
  const result = headers();
  for (const [key, value] of Object.entries(values)) result.set(key, value);
  return result;
}

let brokers: TestBroker[] = [];

beforeAll(async () => {
  brokers = [await startTestBroker({ kind: "embedded" }), await startTestBroker({ kind: "nats-server" })];
});

afterAll(async () => {
  for (const broker of brokers) await broker.close();
});

/** Runs a script on both brokers, on a stream `S` of subjects `s.*`, and compares all that was seen. */
async function compare(script: (session: Session) => Promise<void>, stream: object = {}): Promise<void> {
  const runs = await Promise.allSettled(
    brokers.map(async (broker) => {
      const connection = await connect({ servers: broker.url });
      const session = new Session(connection);
      const config = { name: "S", subjects: ["s.*"], allow_direct: true, ...stream };
      await session.setUp("STREAM.CREATE.S", config);
      try {
        await script(session);
        await connection.flush();
      } finally {
        await connection.request("$JS.API.STREAM.DELETE.S", "");
        await connection.close();
      }
      return session.seen;
    }),
  );
  const [ours, theirs] = runs.map((run) => (run.status === "fulfilled" ? run.value : [String(run.reason)]));
  expect(ours).toEqual(theirs);
  expect(ours?.length).toBeGreaterThan(1);
}

const durable = (session: Session, name: string, fields: object = {}) =>
  session.setUp(`CONSUMER.DURABLE.CREATE.S.${name}`, {
    stream_name: "S",
    config: { durable_name: name, ack_policy: "explicit", ...fields },
  });

it("pull requests are served and ended alike", async () => {
  await compare(async (session) => {
    await durable(session, "c", { max_batch: 5, max_expires: 3e9, max_waiting: 2 });
    await session.publish("s.1", "a", "b");
    await session.publish("s.2", "c");
    session.pull("c");
    await session.count(1);
    session.pull("c", "2");
    await session.count(3);
    session.pull("c", { batch: 2, no_wait: true });
    await session.count(4);
    session.pull("c", { batch: 6 });
    await session.count(5);
    session.pull("c", { batch: 1, expires: 4e9 });
    await session.count(6);
    session.pull("c", { batch: 1, expires: 1e9, idle_heartbeat: 6e8 });
    await session.count(7);
    session.pull("c", { batch: 2, expires: 3e8 });
    await session.count(8);
    await session.info("c");
    session.pull("c", { batch: 5, expires: 25e8 });
    session.pull("c", { batch: 5, expires: 25e8 });
    session.pull("c", { batch: 5, expires: 25e8 });
    await session.count(10);
    await session.publish("s.1", "d", "e", "f");
    await session.count(13);
    await session.info("c");
    await session.setUp("CONSUMER.DELETE.S.c", {});
    await session.count(16);
  });
});

it("a pull is limited by bytes alike", async () => {
  await compare(async (session) => {
    await durable(session, "c", { max_bytes: 2000 });
    await session.publish("s.1", "x".repeat(100), "y".repeat(100), "z".repeat(100));
    session.pull("c", { batch: 1, max_bytes: 3000 });
    await session.count(1);
    session.pull("c", { batch: 1, max_bytes: 10 });
    await session.count(2);
    session.pull("c", { batch: 10, max_bytes: 320, no_wait: true });
    await session.count(5);
    await session.info("c");
  });
});

it("acknowledgements of every kind are taken alike", async () => {
  await compare(async (session) => {
    await durable(session, "c", { ack_wait: 6e8, max_deliver: 3 });
    await session.publish("s.1", "1", "2", "3", "4", "5");
    session.pull("c", { batch: 20 });
    await session.deliveries(5);
    await session.ack(1);
    await session.ack(2, "-NAK");
    await session.deliveries(6);
    await session.ack(6);
    await session.info("c");
    await session.ack(3, "+TERM");
    await session.ack(5, "+WPI");
    await session.ack(4, '-NAK {"delay": 200000000}');
    await session.deliveries(7);
    await session.info("c");
    await session.ack(7);
    await session.deliveries(8);
    await session.info("c");
    await session.ack(8);
    await session.info("c");
  });
});

it("with ack policies all and none, positions move alike", async () => {
  await compare(async (session) => {
    await durable(session, "all", { ack_policy: "all" });
    await durable(session, "none", { ack_policy: "none", filter_subject: "s.2" });
    for (const n of [1, 2, 3]) {
      await session.publish("s.1", `one ${n}`);
      await session.publish("s.2", `two ${n}`);
    }
    session.pull("all", { batch: 5 });
    await session.count(5);
    await session.ack(3);
    await session.info("all");
    session.pull("none", { batch: 2 });
    await session.count(8);
    await session.info("none");
    // Of consumer "all", which takes more than is purged, 2.9.10 forgets a message that is still there.
    await session.ask("$JS.API.STREAM.PURGE.S", { filter: "s.2" });
    await session.info("none");
    await session.ask("$JS.API.STREAM.PURGE.S");
    await session.info("all");
    await session.info("none");
  });
});

it("push consumers deliver, with their headers only or in groups, alike", async () => {
  await compare(async (session) => {
    const inbox = session.listen("deliver.here");
    await session.connection.flush();
    await durable(session, "c", { deliver_subject: inbox, headers_only: true, max_ack_pending: 3 });
    await session.publish("s.1", "payload");
    const options = { headers: headersOf({ Kind: "with headers" }), timeout: 2000 };
    await session.connection.request("s.1", "more", options);
    await session.publish("s.2", "last", "held");
    await session.deliveries(3);
    await session.info("c");
    await session.ack(1);
    await session.ack(2);
    await session.deliveries(4);
    await session.info("c");
  });
});

it("filters, several subjects and the last of each are selected alike", async () => {
  await compare(async (session) => {
    for (const [subject, payload] of [
      ["s.1", "a"],
      ["s.2", "b"],
      ["s.1", "c"],
      ["s.3", "d"],
    ] as const) {
      await session.publish(subject, payload);
    }
    await durable(session, "last", { deliver_policy: "last" });
    await durable(session, "lasts", { deliver_policy: "last_per_subject", filter_subject: "s.*" });
    await durable(session, "start", { deliver_policy: "by_start_sequence", opt_start_seq: 2 });
    await durable(session, "new", { deliver_policy: "new" });
    await durable(session, "one", { filter_subject: "s.1" });
    await session.publish("s.1", "e");
    for (const name of ["last", "lasts", "start", "new", "one"]) {
      const before = session.seen.length;
      session.pull(name, { batch: 20, no_wait: true });
      await waitFor(() => session.seen.slice(before).some((line) => line.includes("408 ")));
      await session.info(name);
    }
  });
});

it("work queues and interest streams let go of messages alike", async () => {
  for (const retention of ["workqueue", "interest"]) {
    await compare(
      async (session) => {
        await durable(session, "a", { filter_subject: "s.1" });
        await durable(session, "b", { filter_subject: "s.2" });
        await session.publish("s.1", "1", "2", "3");
        await session.publish("s.2", "4", "5");
        await session.publish("s.3", "nobody takes it");
        session.pull("a", { batch: 3 });
        await session.count(3);
        session.pull("b", { batch: 2 });
        await session.count(5);
        await session.ack(1);
        await session.ack(5);
        await session.ask("$JS.API.STREAM.MSG.GET.S", { seq: 1 });
        await session.ask("$JS.API.STREAM.MSG.GET.S", { seq: 5 });
        await session.info("a");
        await session.ask("$JS.API.STREAM.MSG.DELETE.S", { seq: 2 });
        await session.setUp("CONSUMER.DELETE.S.b", {});
        await session.info("a");
        const info = await session.connection.request("$JS.API.STREAM.INFO.S", "");
        const { messages, first_seq, last_seq } = info.json<{ state: Record<string, number> }>().state;
        session.seen.push(`stream ${messages} ${first_seq} ${last_seq}`);
      },
      { retention },
    );
  }
});

it("publishes with expectations, direct gets and rollups answer alike", async () => {
  await compare(
    async (session) => {
      await session.ask("s.1", "one", { "Nats-Msg-Id": "m1" });
      await session.ask("s.1", "one", { "Nats-Msg-Id": "m1" });
      await session.ask("s.1", "x", { "Nats-Expected-Last-Sequence": "9" });
      await session.ask("s.1", "x", { "Nats-Expected-Last-Sequence": "x" });
      await session.ask("s.1", "x", { "Nats-Expected-Last-Subject-Sequence": "7" });
      await session.ask("s.2", "two", { "Nats-Expected-Last-Subject-Sequence": "0" });
      await session.ask("s.1", "x", { "Nats-Expected-Last-Msg-Id": "m1" });
      await session.ask("s.1", "x", { "Nats-Expected-Stream": "T" });
      await session.ask("s.1", "three", { "Nats-Expected-Stream": "S", Own: "header" });
      await session.ask("$JS.API.DIRECT.GET.S", { seq: 1 });
      await session.ask("$JS.API.DIRECT.GET.S", { last_by_subj: "s.1" });
      await session.ask("$JS.API.DIRECT.GET.S", { next_by_subj: "s.2", seq: 1 });
      await session.ask("$JS.API.DIRECT.GET.S.s.2");
      await session.ask("s.1", "rolled", { "Nats-Rollup": "sub" });
      await session.ask("$JS.API.DIRECT.GET.S", { seq: 1 });
      await session.ask("s.3", "all", { "Nats-Rollup": "all" });
      await session.ask("$JS.API.DIRECT.GET.S.s.1");
      await session.ask("$JS.API.DIRECT.GET.S.s.3");
    },
    { allow_rollup_hdrs: true },
  );
});
