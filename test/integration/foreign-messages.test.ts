import {
  type App,
  contract,
  event,
  Handler,
  type HandlerContext,
  rpc,
  Service,
  Subscriber,
  task,
  Worker,
} from "@ganglion/core";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, type NatsConnection, headers as natsHeaders } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";
import { RawClient } from "../support/raw-client.js";

const MAX_PAYLOAD_BYTES = 1_048_576;
const Item = z.object({ sku: z.string().min(1) });
const Shop = contract("shop", {
  version: "1.0.0",
  place: rpc({ input: Item, output: z.object({ sku: z.string() }) }),
  relay: rpc({ input: Item, output: z.object({ sku: z.string() }) }),
  blob: rpc({ input: z.number(), output: z.string() }),
  count: rpc({ input: z.number(), output: z.number(), stream: true }),
  paid: event({ data: Item }),
  pack: task({ data: Item }),
});

const placed: string[] = [];
const heard: string[] = [];

@Service(Shop)
class ShopService {
  @Handler(Shop.place) place({ sku }: { sku: string }, _ctx: HandlerContext<typeof Shop.place>) {
    placed.push(sku);
    return { sku };
  }
  @Handler(Shop.relay) relay(input: { sku: string }, ctx: HandlerContext<typeof Shop.relay>) {
    return ctx.call(Shop.place, input);
  }
  @Handler(Shop.blob) blob(sizeBytes: number, _ctx: HandlerContext<typeof Shop.blob>) {
    return "x".repeat(sizeBytes);
  }
  @Handler(Shop.count) async *count(to: number, _ctx: HandlerContext<typeof Shop.count>) {
    for (let n = 1; n <= to; n++) yield n;
  }
  @Subscriber(Shop.paid) onPaid({ sku }: { sku: string }) {
    heard.push(`paid ${sku}`);
  }
  @Worker(Shop.pack) pack({ sku }: { sku: string }) {
    heard.push(`pack ${sku}`);
  }
}

const GOOD = '{"sku":"a"}';

describeBrokers("messages of strangers", (start) => {
  let broker: TestBroker;
  let app: App;
  let stranger: NatsConnection;
  beforeAll(async () => {
    broker = await start();
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    placed.length = 0;
    heard.length = 0;
    app = await startApp({ services: [ShopService], nats: broker.url });
    stranger = await connect({ servers: broker.url });
  });
  afterEach(async () => {
    await stranger.close();
    await app.stop();
  });

  /** What the service counts of its rpcs, as anybody may ask. */
  async function statsOf(name: string): Promise<{ requests: number; errors: number; last: string }> {
    const reply = await stranger.request("$SRV.STATS.shop", "");
    const { endpoints } = reply.json<{
      endpoints: { name: string; num_requests: number; num_errors: number; last_error: string }[];
    }>();
    const found = endpoints.find((endpoint) => endpoint.name === name);
    return {
      requests: found?.num_requests ?? -1,
      errors: found?.num_errors ?? -1,
      last: found?.last_error ?? "",
    };
  }

  it("are served: plain JSON without headers", async () => {
    const reply = await stranger.request("shop.place", GOOD);
    expect([reply.headers, reply.json()]).toEqual([undefined, { sku: "a" }]);
    const jetstream = stranger.jetstream();
    await jetstream.publish("shop.paid", GOOD);
    await jetstream.publish("shop.pack", GOOD);
    stranger.publish("shop.paid", '{"sku":"b"}'); // stored as well, only nobody is told
    await waitFor(() => heard.length === 3);
    expect([...heard].sort()).toEqual(["pack a", "paid a", "paid b"]);
  });

  const tooDeep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
  it.each<[string, string | Uint8Array, Record<string, string>, string, number]>([
    ["no JSON", "{", {}, "BAD_REQUEST", 400],
    ["nothing", "", {}, "BAD_REQUEST", 400],
    ["another type", "[1]", {}, "BAD_REQUEST", 400],
    ["a wrong field", '{"sku":""}', {}, "BAD_REQUEST", 400],
    ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0xfe), {}, "BAD_REQUEST", 400],
    ["a NUL", "\0", {}, "BAD_REQUEST", 400],
    ["JSON that is nested too deep", tooDeep, {}, "BAD_REQUEST", 400],
    ["a prototype", '{"__proto__":{"sku":"a"}}', {}, "BAD_REQUEST", 400],
    ["another major version", GOOD, { "Ganglion-Version": "2" }, "VERSION_MISMATCH", 409],
    ["a version that is none", GOOD, { "Ganglion-Version": "x".repeat(60_000) }, "VERSION_MISMATCH", 409],
    ["a deadline that has passed", GOOD, { "Ganglion-Deadline": "-5" }, "TIMEOUT", 504],
  ])("are refused with what is wrong: %s", async (...[, body, headers, code, status]) => {
    const block = natsHeaders();
    for (const [name, value] of Object.entries(headers)) block.set(name, value);
    const reply = await stranger.request("shop.place", body, { timeout: 5_000, headers: block });
    expect(reply.json()).toMatchObject({ code, message: expect.any(String), retryable: false });
    expect(reply.headers?.get("Nats-Service-Error-Code")).toBe(String(status));
    expect(reply.headers?.get("Nats-Service-Error")).toMatch(new RegExp(`^${code}: .{1,490}$`));
    expect(placed).toEqual([]);
    expect(await statsOf("place")).toEqual({ requests: 1, errors: 1, last: expect.stringContaining(code) });
    expect((await stranger.request("shop.place", GOOD)).json()).toEqual({ sku: "a" });
    expect(await statsOf("place")).toMatchObject({ requests: 2, errors: 1 });
  });

  it.each([
    ["a deadline that is no number", "Ganglion-Deadline: soon"],
    ["a deadline without end", "Ganglion-Deadline: 1e999"],
    ["a trace nobody can read", "traceparent: 00-zz\ttracestate"],
    ["a trace nobody may send on", "traceparent: 00-\0-\r-01"],
    ["bytes that are no text", "baggage: \xff\xfe\xfd"],
    ["an endless value", `X-Long: ${"y".repeat(60_000)}`],
    ["the same name again and again", Array.from({ length: 500 }, (_, n) => `X: ${n}`).join("\r\n")],
    ["a line without a name", ": nothing\r\nno colon at all"],
    ["an idempotency key of signs", "Idempotency-Key: */../> $JS.API\t"],
    ["a name like an error's", "Nats-Service-Error-Code: 500"],
  ])("are served in spite of their headers: %s", async (_, lines) => {
    const raw = await RawClient.open(broker.url);
    try {
      raw.send('CONNECT {"verbose":false,"headers":true}\r\nSUB inbox 1\r\n');
      const head = Buffer.from(`NATS/1.0\r\n${lines}\r\n\r\n`, "latin1");
      for (const subject of ["shop.relay", "shop.paid", "shop.pack"]) {
        raw.send(`HPUB ${subject} inbox ${head.length} ${head.length + GOOD.length}\r\n`);
        raw.send(Buffer.concat([head, Buffer.from(`${GOOD}\r\n`)]));
      }
      await raw.until(/\{"sku":"a"\}/);
      await waitFor(() => heard.length === 2);
    } finally {
      raw.close();
    }
    expect(await statsOf("relay")).toMatchObject({ requests: 1, errors: 0 });
    expect(app.health().ready).toBe(true);
  });

  it("need no reply: what they ask for is done and counted", async () => {
    for (const body of [GOOD, "{", '{"sku":"b"}']) stranger.publish("shop.place", body);
    stranger.publish("shop.count", "3");
    await waitFor(async () => (await statsOf("place")).requests === 3);
    expect(placed).toEqual(["a", "b"]);
    expect(await statsOf("place")).toMatchObject({ requests: 3, errors: 1 });
    await waitFor(async () => (await statsOf("count")).requests === 1);
  });

  it("cannot make a stream of values rush or stop for good", async () => {
    const raw = await RawClient.open(broker.url);
    raw.send('CONNECT {"verbose":false,"headers":true}\r\nSUB inbox.* 1\r\n');
    const windows = ["abc", "-1", "1e308", "0"];
    for (const [index, window] of windows.entries()) {
      const head = `NATS/1.0\r\nGanglion-Window: ${window}\r\n\r\n`;
      raw.send(`HPUB shop.count inbox.${index} ${head.length} ${head.length + 4}\r\n${head}1000\r\n`);
    }
    await raw.until(/(Ganglion-Item: 1\r\n[\s\S]*){4}/);
    await raw.sync();
    expect(raw.received).not.toContain("Ganglion-Item: 2\r\n"); // one is sent before the caller asks for more
    for (const garbage of ["", "x", "-1", "\0"]) stranger.publish("_GANGLION.cancel.shop", garbage);
    for (const index of windows.keys()) stranger.publish("_GANGLION.cancel.shop", `inbox.${index}`);
    raw.close();
    const values: number[] = [];
    for await (const value of app.client(Shop).count(3)) values.push(value);
    expect(values).toEqual([1, 2, 3]);
  });

  describe("that are too large", () => {
    it("are refused by the server, and the service goes on", async () => {
      const raw = await RawClient.open(broker.url);
      raw.send('CONNECT {"verbose":false}\r\n');
      raw.send(`PUB shop.place ${MAX_PAYLOAD_BYTES + 1}\r\n`);
      await raw.closed();
      expect(raw.received).toMatch(/-ERR 'Maximum Payload Violation'/);
      expect((await stranger.request("shop.place", GOOD)).json()).toEqual({ sku: "a" });
    });

    it("are errors where they are made: calls, events, tasks, and results", async () => {
      const sku = "x".repeat(MAX_PAYLOAD_BYTES + 1);
      const tooLarge = {
        code: "PAYLOAD_TOO_LARGE",
        details: expect.objectContaining({ limitBytes: MAX_PAYLOAD_BYTES }),
      };
      await expect(app.client(Shop).place({ sku })).rejects.toMatchObject(tooLarge);
      await expect(app.emit(Shop.paid, { sku })).rejects.toMatchObject(tooLarge);
      await expect(app.enqueue(Shop.pack, { sku })).rejects.toMatchObject(tooLarge);
      expect(() => app.publish(Shop.paid, { sku })).toThrow(/exceeds the server's limit/);
      await expect(app.client(Shop).blob(MAX_PAYLOAD_BYTES + 1)).rejects.toMatchObject(tooLarge);
      expect(await statsOf("blob")).toMatchObject({ requests: 1, errors: 1 });
      expect(await app.client(Shop).blob(MAX_PAYLOAD_BYTES - 100)).toHaveLength(MAX_PAYLOAD_BYTES - 100);
    });
  });

  it("that no subscriber or worker can read become dead letters, every one", async () => {
    const jetstream = stranger.jetstream();
    const before = await app.deadLetters("shop").count();
    const version = natsHeaders();
    version.set("Ganglion-Version", "7");
    for (const subject of ["shop.paid", "shop.pack"]) {
      await jetstream.publish(subject, "{");
      await jetstream.publish(subject, '{"sku":1}');
      await jetstream.publish(subject, GOOD, { headers: version });
      await jetstream.publish(subject, '{"sku":"last"}');
    }
    const raw = await RawClient.open(broker.url);
    const head = "NATS/1.0\r\nX-Odd: a\rb\0\r\nno colon\r\n\r\n"; // and such headers keep no letter from its stream
    raw.send(
      `CONNECT {"verbose":false,"headers":true}\r\nHPUB shop.paid ${head.length} ${head.length + 1}\r\n${head}{\r\n`,
    );
    await raw.sync();
    raw.close();
    await waitFor(async () => (await app.deadLetters("shop").count()) === before + 7);
    const letters: string[] = [];
    for await (const { subject, reason } of app.deadLetters("shop").list())
      letters.push(`${subject} ${reason}`);
    const of = (subject: string) => letters.filter((line) => line.startsWith(subject)).slice(-4);
    expect(of("shop.pack").slice(-3)).toEqual([
      expect.stringMatching(/no JSON/),
      expect.stringMatching(/sku/),
      expect.stringMatching(/version 1\.0\.0, the sender 7/),
    ]);
    expect(of("shop.paid")).toHaveLength(4);
    await waitFor(() => heard.filter((line) => line.endsWith("last")).length === 2);
    expect(heard).not.toContain("paid a");
  });
});
