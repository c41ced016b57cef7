import type { JetStreamClient, JetStreamManager, JsMsg, StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { nanos } from "@nats-io/nats-core";
import { expect, it } from "vitest";
import { type ClientContext, describeClients, take } from "../support/describe-clients.js";

// Policies by their names on the wire: the two generations declare them as different types.
const EXPLICIT = "explicit" as const;

describeClients("JetStream streams", (context) => {
  const { library, connect } = context;

  it("publish answers with stream and sequence, and repeats of a message id are duplicates", async () => {
    const { jetstream, manager, stream } = await withStream(context);
    expect(await jetstream.publish(`${stream}.a`, "one")).toMatchObject({
      stream,
      seq: 1,
      duplicate: false,
    });
    expect(await jetstream.publish(`${stream}.a`, "two", { msgID: "m" })).toMatchObject({
      seq: 2,
      duplicate: false,
    });
    expect(await jetstream.publish(`${stream}.b`, "two", { msgID: "m" })).toMatchObject({
      seq: 2,
      duplicate: true,
    });
    const info = await manager.streams.info(stream);
    expect(info.state).toMatchObject({ messages: 2, first_seq: 1, last_seq: 2, consumer_count: 0 });
  });

  it("publish refuses what contradicts its expectations", async () => {
    const { jetstream, stream } = await withStream(context);
    await jetstream.publish(`${stream}.a`, "", { msgID: "first" });
    const failure = (expectation: object) =>
      jetstream.publish(`${stream}.a`, "", { expect: expectation }).then(() => "none", library.failure);
    expect(await failure({ lastSequence: 7 })).toBe("api error 10071");
    expect(await failure({ lastSubjectSequence: 7 })).toBe("api error 10071");
    expect(await failure({ lastMsgID: "second" })).toBe("api error 10070");
    expect(await failure({ streamName: "OTHER" })).toBe("api error 10060");
    expect(await failure({ lastSequence: 1, lastMsgID: "first", streamName: stream })).toBe("none");
    expect(await failure({ lastSubjectSequence: 2 })).toBe("none");
  });

  it("publish finds no responders where no stream listens", async () => {
    const connection = await connect();
    const publish = library.jetstream(connection).publish("nobody.listens", "", { retries: 1 });
    expect(await publish.then(() => "none", library.failure)).toMatch(/no responders|503/);
  });

  it("streams are listed, found by subject, updated, purged and deleted", async () => {
    const { jetstream, manager, stream } = await withStream(context);
    for (let n = 0; n < 10; n++) await jetstream.publish(`${stream}.${n % 2}`, `${n}`);
    expect(await take(manager.streams.names(`${stream}.0`), 1)).toEqual([stream]);
    expect(await manager.streams.find(`${stream}.1`)).toBe(stream);
    const listed = await manager.streams.list(`${stream}.0`).next();
    expect(listed.map((info) => info.config.name)).toEqual([stream]);

    const updated = await manager.streams.update(stream, { max_msgs: 8, description: "smaller" });
    expect(updated.config).toMatchObject({ max_msgs: 8, description: "smaller" });
    expect(updated.state).toMatchObject({ messages: 8, first_seq: 3 });
    expect(await manager.streams.purge(stream, { filter: `${stream}.0` })).toMatchObject({ purged: 4 });
    expect(await manager.streams.purge(stream, { seq: 8 })).toMatchObject({ purged: 2 });
    expect(await manager.streams.purge(stream)).toMatchObject({ purged: 2 });
    expect((await manager.streams.info(stream)).state).toMatchObject({
      messages: 0,
      last_seq: 10,
      first_seq: 11,
    });
    expect(await manager.streams.delete(stream)).toBe(true);
    expect(await manager.streams.info(stream).then(() => "none", library.failure)).toBe("api error 10059");
  });

  it("stored messages can be read and deleted one by one", async () => {
    const { jetstream, manager, stream } = await withStream(context);
    const headers = library.headers();
    headers.set("Kind", "stored");
    await jetstream.publish(`${stream}.a`, "one", { headers });
    await jetstream.publish(`${stream}.b`, "two");
    const first = await manager.streams.getMessage(stream, { seq: 1 });
    expect(first).toMatchObject({ subject: `${stream}.a`, seq: 1 });
    expect(first?.string()).toBe("one");
    expect(first?.header.get("Kind")).toBe("stored");
    expect(Math.abs(Date.now() - (first?.time.getTime() ?? 0))).toBeLessThan(60_000);
    expect((await manager.streams.getMessage(stream, { last_by_subj: `${stream}.b` }))?.string()).toBe("two");
    expect(await manager.streams.deleteMessage(stream, 1)).toBe(true);
    expect((await manager.streams.info(stream)).state).toMatchObject({ messages: 1, first_seq: 2 });
  });

  it("limits discard the oldest, or refuse the newest", async () => {
    const { jetstream, manager, stream } = await withStream(context, { max_msgs_per_subject: 1 });
    for (const subject of ["a", "b", "a"]) await jetstream.publish(`${stream}.${subject}`);
    expect((await manager.streams.info(stream)).state).toMatchObject({
      messages: 2,
      first_seq: 2,
      last_seq: 3,
    });

    const full = await withStream(context, { max_msgs: 1, discard: "new" } as Partial<StreamConfig>);
    await jetstream.publish(`${full.stream}.a`);
    const refused = await jetstream.publish(`${full.stream}.a`).then(() => "none", library.failure);
    expect(refused).toBe("api error 10077");
  });
});

describeClients("JetStream pull consumers", (context) => {
  const { library } = context;

  it("consume delivers all messages, and acknowledging them empties the consumer", async () => {
    const own = await withStream(context);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 500);
    await manager.consumers.add(stream, { durable_name: "all", ack_policy: EXPLICIT });
    const consumer = await jetstream.consumers.get(stream, "all");
    const messages = await consumer.consume({ max_messages: 64 });
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(message.string());
      expect(message.info).toMatchObject({ stream, consumer: "all", redelivered: false });
      if (texts.length === 500) await message.ackAck();
      else message.ack();
      if (texts.length === 500) break;
    }
    messages.stop();
    expect(texts).toEqual(Array.from({ length: 500 }, (_, n) => `${n}`));
    expect(await manager.consumers.info(stream, "all")).toMatchObject({
      num_pending: 0,
      num_ack_pending: 0,
      delivered: { stream_seq: 500, consumer_seq: 500 },
      ack_floor: { stream_seq: 500, consumer_seq: 500 },
    });
  });

  it("fetch takes at most its batch and ends when its time is up; next gets one or none", async () => {
    const own = await withStream(context);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 5);
    await manager.consumers.add(stream, {
      durable_name: "batches",
      ack_policy: EXPLICIT,
    });
    const consumer = await jetstream.consumers.get(stream, "batches");
    const fetch = async (count: number) => {
      const texts: string[] = [];
      for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
        texts.push(message.string());
        message.ack();
      }
      return texts;
    };
    expect(await fetch(3)).toEqual(["0", "1", "2"]);
    expect((await consumer.next({ expires: 1_000 }))?.string()).toBe("3");
    expect(await fetch(10)).toEqual(["4"]);
    expect(await consumer.next({ expires: 1_000 })).toBeNull();
  });

  it("a message is redelivered after nak and ack wait, and no more after term or max deliver", async () => {
    const own = await withStream(context);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 1);
    await manager.consumers.add(stream, {
      durable_name: "again",
      ack_policy: EXPLICIT,
      ack_wait: nanos(300),
      max_deliver: 4,
    });
    const consumer = await jetstream.consumers.get(stream, "again");
    const next = async () => {
      const message = await consumer.next({ expires: 2_000 });
      expect(message?.string()).toBe("0");
      return message as JsMsg;
    };
    (await next()).nak();
    const second = await next();
    expect(second.info).toMatchObject({ deliveryCount: 2, redelivered: true, streamSequence: 1 });
    second.nak(50);
    const third = await next();
    expect(third.info.deliveryCount).toBe(3);
    const fourth = await next(); // after the ack wait
    expect(fourth.info.deliveryCount).toBe(4);
    fourth.term();
    expect(await consumer.next({ expires: 1_000 })).toBeNull();
  });

  it("working keeps a message from being redelivered", async () => {
    const own = await withStream(context);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 1);
    await manager.consumers.add(stream, {
      durable_name: "busy",
      ack_policy: EXPLICIT,
      ack_wait: nanos(400),
    });
    const consumer = await jetstream.consumers.get(stream, "busy");
    const message = await consumer.next({ expires: 1_000 });
    const working = setInterval(() => message?.working(), 100);
    expect(await consumer.next({ expires: 1_200 })).toBeNull();
    clearInterval(working);
    expect(await message?.ackAck()).toBe(true);
  });

  it("consumers start where their deliver policy says", async () => {
    const own = await withStream(context);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 6, 2);
    const first = async (config: object) => {
      const name = context.unique("start");
      const { num_pending: pending } = await manager.consumers.add(stream, {
        durable_name: name,
        ack_policy: EXPLICIT,
        ...config,
      });
      const consumer = await jetstream.consumers.get(stream, name);
      const message = pending === 0 ? null : await consumer.next({ expires: 1_000 });
      return [pending, message?.string()];
    };
    expect(await first({ deliver_policy: "all" })).toEqual([6, "0"]);
    expect(await first({ deliver_policy: "last" })).toEqual([1, "5"]);
    expect(await first({ deliver_policy: "new" })).toEqual([0, undefined]);
    expect(await first({ deliver_policy: "by_start_sequence", opt_start_seq: 3 })).toEqual([4, "2"]);
    const longAgo = new Date(0).toISOString();
    expect(await first({ deliver_policy: "by_start_time", opt_start_time: longAgo })).toEqual([6, "0"]);
    expect(await first({ deliver_policy: "all", filter_subject: `${stream}.1` })).toEqual([3, "1"]);
    const perSubject = { deliver_policy: "last_per_subject", filter_subject: `${stream}.*` };
    expect(await first(perSubject)).toEqual([2, "4"]);
  });

  it("a work queue forgets a message when it is acknowledged", async () => {
    const config = { retention: "workqueue" } as Partial<StreamConfig>;
    const own = await withStream(context, config);
    const { jetstream, manager, stream } = own;
    await publishNumbers(own, 3);
    await manager.consumers.add(stream, { durable_name: "worker", ack_policy: EXPLICIT });
    const consumer = await jetstream.consumers.get(stream, "worker");
    await (await consumer.next({ expires: 1_000 }))?.ackAck();
    expect((await manager.streams.info(stream)).state).toMatchObject({ messages: 2, first_seq: 2 });
  });

  it("consumers are listed and deleted", async () => {
    const { manager, stream } = await withStream(context);
    for (const name of ["one", "two"])
      await manager.consumers.add(stream, { durable_name: name, ack_policy: EXPLICIT });
    const names = (await manager.consumers.list(stream).next()).map((info) => info.name);
    expect(names.sort()).toEqual(["one", "two"]);
    expect(await manager.consumers.delete(stream, "one")).toBe(true);
    const gone = await manager.consumers.info(stream, "one").then(() => "none", library.failure);
    expect(gone).toBe("api error 10014");
  });
});

describeClients("JetStream push and ordered consumers", (context) => {
  const { library } = context;

  it("a push consumer delivers to its subject and takes acknowledgements", async () => {
    const own = await withStream(context);
    const { connection, manager, stream } = own;
    await publishNumbers(own, 20);
    await manager.consumers.add(stream, {
      durable_name: "pushed",
      deliver_subject: context.unique("deliver"),
      ack_policy: EXPLICIT,
    });
    const messages = await library.push(connection, stream, "pushed");
    const texts: string[] = [];
    for await (const message of messages) {
      texts.push(message.string());
      if (texts.length < 20) message.ack();
      else await message.ackAck();
      if (texts.length === 20) break;
    }
    expect(texts).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    expect(await manager.consumers.info(stream, "pushed")).toMatchObject({
      num_ack_pending: 0,
      ack_floor: { stream_seq: 20 },
    });
    await messages.stop();
  });

  it("an ordered consumer reads a whole stream in order, or a filtered part", async () => {
    const own = await withStream(context);
    const { jetstream, stream } = own;
    await publishNumbers(own, 1_000, 10);
    const consumers = jetstream.consumers;
    const all = await (await consumers.get(stream)).consume({ max_messages: 100 });
    const texts = (await take(all, 1_000)).map((message) => message.string());
    expect(texts).toEqual(Array.from({ length: 1_000 }, (_, n) => `${n}`));
    all.stop();

    const options =
      context.library.name === "nats 2"
        ? { filterSubjects: `${stream}.7` }
        : { filter_subjects: `${stream}.7` };
    const part = await (await consumers.get(stream, options)).fetch({ max_messages: 100, expires: 2_000 });
    const filtered = (await take(part, 100)).map((message) => message.string());
    expect(filtered).toEqual(Array.from({ length: 100 }, (_, n) => `${n * 10 + 7}`));
  });
});

interface OwnStream {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly stream: string;
}

/** Connects and creates a stream of its own that takes `<name>.>`. */
async function withStream(
  { library, connect, unique }: ClientContext,
  config: Partial<StreamConfig> = {},
): Promise<OwnStream> {
  const connection = await connect();
  const stream = unique("STREAM");
  const manager = await library.manager(connection);
  await manager.streams.add({ name: stream, subjects: [`${stream}.>`], ...config });
  return { connection, jetstream: library.jetstream(connection), manager, stream };
}

/** Publishes the numbers from 0 to `count`, to the subjects `<stream>.<n modulo subjects>`. */
async function publishNumbers(
  { jetstream, stream }: Pick<OwnStream, "jetstream" | "stream">,
  count: number,
  subjects = 1,
): Promise<void> {
  const numbers = Array.from({ length: count }, (_, n) => n);
  await Promise.all(numbers.map((n) => jetstream.publish(`${stream}.${n % subjects}`, `${n}`)));
}
