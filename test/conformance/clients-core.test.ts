import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { expect, it } from "vitest";
import { describeClients, take } from "../support/describe-clients.js";

/** A pattern, subjects it matches and subjects it does not. */
const WILDCARDS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["a.*", ["a.b", "a.c"], ["a", "a.b.c", "b.a"]],
  ["a.*.c", ["a.b.c", "a.x.c"], ["a.b", "a.b.b", "a.b.c.d"]],
  ["*.b", ["a.b"], ["b", "a.b.c"]],
  ["*", ["a", "b"], ["a.b"]],
  ["a.>", ["a.b", "a.b.c", "a.b.c.d"], ["a", "b.a"]],
  ["*.>", ["a.b", "a.b.c"], ["a"]],
  ["a.*.>", ["a.b.c", "a.b.c.d"], ["a.b", "b.b.c"]],
  [">", ["a", "a.b", "b.c.d"], []],
];

/** Collects the subscription's messages; complete once a flush has come back. */
function collect(
  connection: NatsConnection,
  subject: string,
  options: { queue?: string; max?: number } = {},
) {
  const messages: Msg[] = [];
  const subscription = connection.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      if (error === null) messages.push(message);
    },
  });
  return { messages, subscription };
}

describeClients("core NATS", ({ library, connect, unique }) => {
  it("publish delivers to every subscriber, in order and byte for byte", async () => {
    const subject = unique("pubsub");
    const [publisher, subscriber] = [await connect(), await connect()];
    const first = collect(subscriber, subject);
    const second = collect(subscriber, subject);
    await subscriber.flush();

    const payloads = [new Uint8Array(0), Uint8Array.from({ length: 256 }, (_, byte) => byte)];
    for (const payload of payloads) publisher.publish(subject, payload);
    for (let n = 0; n < 1000; n++) publisher.publish(subject, `message ${n}`);
    await publisher.flush();
    await subscriber.flush();

    for (const { messages } of [first, second]) {
      expect(messages).toHaveLength(1002);
      expect(messages.slice(0, 2).map((message) => [...message.data])).toEqual(
        payloads.map((data) => [...data]),
      );
      expect(messages.slice(2).map((message) => message.string())).toEqual(
        Array.from({ length: 1000 }, (_, n) => `message ${n}`),
      );
    }
  });

  it("publish carries a payload of max_payload bytes and the client refuses one more", async () => {
    const subject = unique("large");
    const connection = await connect();
    const { messages } = collect(connection, subject);
    const size = connection.info?.max_payload ?? 0;
    expect(size).toBe(1_048_576);
    const payload = Uint8Array.from({ length: size }, (_, index) => index % 251);
    connection.publish(subject, payload);
    await connection.flush();
    expect(Buffer.compare(messages[0]?.data ?? new Uint8Array(), payload)).toBe(0);
    expect(() => connection.publish(subject, new Uint8Array(size + 1))).toThrow();
  });

  it.each(WILDCARDS)(
    "subscribe %s gets what it matches and nothing else",
    async (pattern, matching, others) => {
      const prefix = unique("wild");
      const connection = await connect();
      const { messages } = collect(connection, `${prefix}.${pattern}`);
      for (const subject of [...matching, ...others]) connection.publish(`${prefix}.${subject}`);
      connection.publish(`other.${prefix}.${matching[0]}`);
      await connection.flush();
      expect(messages.map((message) => message.subject)).toEqual(
        matching.map((subject) => `${prefix}.${subject}`),
      );
    },
  );

  it("a message that several subscriptions match is delivered once for each", async () => {
    const subject = unique("overlap");
    const connection = await connect();
    const all = [subject, `${subject}.*`, `${subject}.>`, `*.b`].map((pattern) =>
      collect(connection, pattern),
    );
    connection.publish(`${subject}.b`);
    await connection.flush();
    expect(all.map(({ messages }) => messages.length)).toEqual([0, 1, 1, 1]);
  });

  it("unsubscribe ends delivery, at once or after a number of messages", async () => {
    const subject = unique("unsubscribe");
    const connection = await connect();
    const limited = collect(connection, subject, { max: 3 });
    const ended = collect(connection, subject);
    connection.publish(subject);
    await connection.flush();
    ended.subscription.unsubscribe();
    for (let n = 0; n < 5; n++) connection.publish(subject);
    await connection.flush();
    expect(limited.messages).toHaveLength(3);
    expect(limited.subscription.isClosed()).toBe(true);
    expect(ended.messages).toHaveLength(1);
  });

  it("noEcho keeps a connection's own messages from it", async () => {
    const subject = unique("echo");
    const [quiet, other] = [await connect({ noEcho: true }), await connect()];
    const { messages } = collect(quiet, subject);
    await quiet.flush();
    quiet.publish(subject, "own");
    await quiet.flush();
    other.publish(subject, "other");
    await other.flush();
    await quiet.flush();
    expect(messages.map((message) => message.string())).toEqual(["other"]);
  });

  it("a verbose and pedantic connection works the same", async () => {
    const subject = unique("verbose");
    const connection = await connect({ verbose: true, pedantic: true });
    const { messages } = collect(connection, subject);
    connection.publish(subject, "x");
    await connection.flush();
    expect(messages).toHaveLength(1);
    expect(await connection.rtt()).toBeGreaterThanOrEqual(0);
  });

  it("request gets the first reply", async () => {
    const subject = unique("request");
    const [client, service] = [await connect(), await connect()];
    service.subscribe(subject, { callback: (_, message) => void message.respond(`re: ${message.string()}`) });
    await service.flush();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) => client.request(subject, `${n}`, { timeout: 2_000 })),
    );
    expect(replies.map((reply) => reply.string())).toEqual(Array.from({ length: 50 }, (_, n) => `re: ${n}`));
    const own = await client.request(subject, "own inbox", { timeout: 2_000, noMux: true });
    expect(own.string()).toBe("re: own inbox");
  });

  it("request fails at once without a responder, and after its timeout without a reply", async () => {
    const subject = unique("nobody");
    const connection = await connect();
    const failureOf = (request: Promise<unknown>) => request.then(() => "none", library.failure);
    const startMs = performance.now();
    expect(await failureOf(connection.request(subject, "", { timeout: 10_000 }))).toBe("no responders");
    expect(performance.now() - startMs).toBeLessThan(5_000);
    connection.subscribe(subject, { callback: () => {} });
    expect(await failureOf(connection.request(subject, "", { timeout: 100 }))).toBe("timeout");
  });

  it("request-many gathers replies up to a count, or until time is up", async () => {
    const subject = unique("many");
    const [client, service] = [await connect(), await connect()];
    for (let n = 0; n < 5; n++) {
      service.subscribe(subject, { callback: (_, message) => void message.respond(`${n}`) });
    }
    await service.flush();
    const gather = async (options: Parameters<typeof client.requestMany>[2]) => {
      const texts: string[] = [];
      for await (const reply of await client.requestMany(subject, "", options)) texts.push(reply.string());
      return texts.sort();
    };
    const counted = await gather({ strategy: "count", maxMessages: 3, maxWait: 5_000 });
    expect(counted).toHaveLength(3);
    expect(await gather({ strategy: "timer", maxWait: 200 })).toEqual(["0", "1", "2", "3", "4"]);
  });

  it("a queue group shares messages, beside plain subscribers and other groups", async () => {
    const subject = unique("queue");
    const [publisher, first, second] = [await connect(), await connect(), await connect()];
    const workers = [first, second, second].map((connection) =>
      collect(connection, subject, { queue: "workers" }),
    );
    const audit = collect(second, subject, { queue: "audit" });
    const plain = collect(first, subject);
    await Promise.all([first.flush(), second.flush()]);
    for (let n = 0; n < 300; n++) publisher.publish(subject, `${n}`);
    await publisher.flush();
    await Promise.all([first.flush(), second.flush()]);

    const counts = workers.map(({ messages }) => messages.length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
    // Fewer than 40 of 300 by chance has a probability below 1e-13 with three members.
    expect(Math.min(...counts)).toBeGreaterThan(40);
    const texts = workers.flatMap(({ messages }) => messages.map((message) => message.string()));
    expect(new Set(texts).size).toBe(300);
    expect([audit.messages.length, plain.messages.length]).toEqual([300, 300]);
  });

  it("headers arrive with all their values, beside messages without any", async () => {
    const subject = unique("headers");
    const connection = await connect();
    const messages = connection.subscribe(subject, { max: 2 });
    const headers = library.headers();
    headers.append("Trace", "one");
    headers.append("Trace", "two");
    headers.set("X-Text", "grüße, 世界");
    headers.set("X-Empty", "");
    connection.publish(subject, "with", { headers });
    connection.publish(subject, "without");
    const [withHeaders, without] = await take(messages, 2);
    expect(withHeaders?.string()).toBe("with");
    expect(withHeaders?.headers?.values("Trace")).toEqual(["one", "two"]);
    expect(withHeaders?.headers?.get("X-Text")).toBe("grüße, 世界");
    expect(withHeaders?.headers?.has("X-Empty")).toBe(true);
    expect(withHeaders?.headers?.keys()).toHaveLength(3);
    expect(without?.headers?.keys() ?? []).toEqual([]);
  });

  it("a reply can carry headers too", async () => {
    const subject = unique("reply-headers");
    const connection = await connect();
    const headers = library.headers();
    headers.set("Status-Of", "order");
    connection.subscribe(subject, { callback: (_, message) => void message.respond("ok", { headers }) });
    const reply = await connection.request(subject, "", { timeout: 2_000 });
    expect(reply.headers?.get("Status-Of")).toBe("order");
  });
});
