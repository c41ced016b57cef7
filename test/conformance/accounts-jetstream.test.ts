import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, consumerOpts, createInbox, type NatsConnection } from "nats";
import { expect, it, onTestFinished } from "vitest";

/** A has streams; B uses them, under a prefix of its own; C has JetStream with limits. */
const CONFIG = `accounts {
  A {
    users: [{ user: a, password: pw }]
    jetstream: enabled
    exports: [
      { service: "$JS.API.STREAM.>" }
      { service: "$JS.API.CONSUMER.INFO.>" }
      { service: "$JS.API.CONSUMER.DURABLE.CREATE.>" }
      { service: "$JS.API.CONSUMER.MSG.NEXT.>", response_type: stream }
      { service: "$JS.ACK.>" }
      { service: "orders.*" }
      { stream: "deliver.>" }
    ]
  }
  B {
    users: [{ user: b, password: pw }]
    imports: [
      { service: { account: A, subject: "$JS.API.STREAM.>" }, to: "their.js.STREAM.>" }
      { service: { account: A, subject: "$JS.API.CONSUMER.INFO.>" }, to: "their.js.CONSUMER.INFO.>" }
      { service: { account: A, subject: "$JS.API.CONSUMER.DURABLE.CREATE.>" }, to: "their.js.CONSUMER.DURABLE.CREATE.>" }
      { service: { account: A, subject: "$JS.API.CONSUMER.MSG.NEXT.>" }, to: "their.js.CONSUMER.MSG.NEXT.>" }
      { service: { account: A, subject: "$JS.ACK.>" } }
      { service: { account: A, subject: "orders.*" } }
      { stream: { account: A, subject: "deliver.>" } }
    ]
  }
  C { users: [{ user: c, password: pw }], jetstream: { max_streams: 1, max_consumers: 1, max_file: 10k } }
}`;

describeBrokers("JetStream and accounts", (start) => {
  async function enter(user: string, url: string): Promise<NatsConnection> {
    const connection = await connect({ servers: url, user, pass: "pw" });
    onTestFinished(() => connection.close());
    return connection;
  }

  it("lets an account use streams of another one: publish, pull, acknowledge", async () => {
    await using broker = await start({ config: CONFIG });
    const a = await enter("a", broker.url);
    const b = await enter("b", broker.url);
    const manager = await a.jetstreamManager();
    await manager.streams.add({ name: "ORDERS", subjects: ["orders.*"] });
    await manager.consumers.add("ORDERS", { durable_name: "pull", ack_policy: "explicit" as never });

    const theirs = b.jetstream({ apiPrefix: "their.js" });
    expect((await theirs.publish("orders.1", "one")).seq).toBe(1);
    expect((await theirs.publish("orders.2", "two")).seq).toBe(2);
    const api = await b.jetstreamManager({ apiPrefix: "their.js", checkAPI: false });
    expect((await api.streams.info("ORDERS")).state.messages).toBe(2);

    const seen: string[] = [];
    const inbox = createInbox();
    const subscription = b.subscribe(inbox, {
      callback: (_error, message) => {
        seen.push(`${message.subject} ${message.string()}`);
        message.respond("+ACK");
      },
    });
    b.publish("their.js.CONSUMER.MSG.NEXT.ORDERS.pull", '{"batch":2,"expires":5000000000}', { reply: inbox });
    await waitFor(() => seen.length === 2);
    subscription.unsubscribe();
    expect(seen).toEqual(["orders.1 one", "orders.2 two"]);
    await waitFor(async () => (await api.consumers.info("ORDERS", "pull")).num_ack_pending === 0);
  });

  it("delivers pushed messages through an imported stream", async () => {
    await using broker = await start({ config: CONFIG });
    const a = await enter("a", broker.url);
    const b = await enter("b", broker.url);
    await (await a.jetstreamManager()).streams.add({ name: "ORDERS", subjects: ["orders.*"] });
    const seen: string[] = [];
    const js = b.jetstream({ apiPrefix: "their.js" });
    const options = consumerOpts();
    options.durable("push");
    options.deliverTo("deliver.b");
    options.manualAck();
    options.ackExplicit();
    options.callback((_error, message) => {
      if (message === null) return;
      seen.push(`${message.subject} ${message.string()}`);
      message.ack();
    });
    const subscription = await js.subscribe("orders.*", { ...options, stream: "ORDERS" } as never);
    await a.jetstream().publish("orders.1", "one");
    await a.jetstream().publish("orders.2", "two");
    await waitFor(() => seen.length === 2);
    expect(seen).toEqual(["orders.1 one", "orders.2 two"]);
    const manager = await a.jetstreamManager();
    await waitFor(async () => (await manager.consumers.info("ORDERS", "push")).num_ack_pending === 0);
    subscription.unsubscribe();
  });

  it("keeps an account within its limits, and its streams to itself", async () => {
    await using broker = await start({ config: CONFIG });
    const a = await enter("a", broker.url);
    const c = await enter("c", broker.url);
    const manager = await c.jetstreamManager();
    const { limits } = await manager.getAccountInfo();
    expect(limits).toMatchObject({ max_streams: 1, max_consumers: 1, max_storage: 10_000, max_memory: -1 });
    await manager.streams.add({ name: "S", subjects: ["s"] });
    await expect(manager.streams.add({ name: "T", subjects: ["t"] })).rejects.toMatchObject({
      api_error: { err_code: 10027 },
    });
    await (await a.jetstreamManager()).streams.add({ name: "S", subjects: ["s"] });
    await c.jetstream().publish("s", "of c");
    expect((await (await a.jetstreamManager()).streams.info("S")).state.messages).toBe(0);
    await expect(c.jetstream().publish("s", Buffer.alloc(12_000))).rejects.toThrow();
  });
});
