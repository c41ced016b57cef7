import {
  type App,
  contract,
  createApp,
  type DataOut,
  DEAD_LETTER,
  type EventBatchContext,
  type EventContext,
  event,
  Handler,
  type HandlerContext,
  rpc,
  Service,
  Subscriber,
  type TaskContext,
  task,
  Worker,
} from "@ganglion/core";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { silentLogger } from "@ganglion/kernel";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { RecordingLogger, startApp } from "../support/core-app.js";

const Shop = contract("shop", {
  version: "1.0.0",
  buy: rpc({ input: z.string(), output: z.string() }),
  bought: event({ data: z.object({ id: z.string(), at: z.iso.datetime().optional() }), key: ({ id }) => id }),
  moved: event({ subject: "shop.{region}.moved", data: z.object({ n: z.number() }) }),
  seen: event({ data: z.string(), durable: false }),
  ship: task({ data: z.object({ id: z.string() }), key: ({ id }) => id }),
});
type Bought = DataOut<typeof Shop.bought>;
type Ship = DataOut<typeof Shop.ship>;

let broker: TestBroker;
let transport: Transport;
const apps: App[] = [];
describeBrokers("events and tasks", (startBroker) => {
  beforeEach(async () => {
    broker = await startBroker();
    transport = await connectNats({ servers: broker.url });
  });
  afterEach(async () => {
    for (const app of apps.splice(0).reverse()) await app.stop();
    await transport.close();
    await broker.close();
  });
  const start = async (...services: (new () => object)[]) => {
    const app = await startApp({ services, nats: broker.url, stopTimeout: "2s" });
    apps.push(app);
    return app;
  };

  describe("events", () => {
    it("reach every durable subscription once, with their facts", async () => {
      const seen: string[] = [];
      const facts: Partial<EventContext>[] = [];
      @Service("mail")
      class Mail {
        @Subscriber(Shop.bought) onBought({ id }: Bought, ctx: EventContext<typeof Shop.bought>) {
          seen.push(`mail ${id}`);
          facts.push({
            id: ctx.id,
            stream: ctx.stream,
            sequence: ctx.sequence,
            deliveryCount: ctx.deliveryCount,
          });
        }
      }
      @Service("audit")
      class Audit {
        @Subscriber(Shop.bought, { durable: "log" }) onBought({ id }: Bought) {
          seen.push(`audit ${id}`);
        }
        @Subscriber(Shop.moved) onMoved({ n }: { n: number }, ctx: EventContext<typeof Shop.moved>) {
          seen.push(`moved ${n} in ${ctx.params.region}`);
        }
      }
      const app = await start(Mail, Audit);
      const second = await start(Mail); // shares the durable name
      const emitted = await app.emit(Shop.bought, { id: "1" }, { id: "e-1" });
      expect(emitted).toEqual({ id: "e-1", stream: "shop-events", sequence: 1, duplicate: false });
      expect(await second.emit(Shop.bought, { id: "1" }, { id: "e-1" })).toMatchObject({ duplicate: true });
      await app.emit(Shop.moved, { n: 7 }, { params: { region: "eu" } });
      await waitFor(() => seen.length === 3);
      expect([...seen].sort()).toEqual(["audit 1", "mail 1", "moved 7 in eu"]);
      expect(facts).toEqual([{ id: "e-1", stream: "shop-events", sequence: 1, deliveryCount: 1 }]);
      const stored = await transport.jetstream.get("shop-events", { sequence: 1 });
      expect(Object.fromEntries(stored?.headers.entries() ?? [])).toMatchObject({
        "ce-specversion": "1.0",
        "ce-id": "e-1",
        "ce-type": "shop.bought",
        "ce-source": "/mail",
        "Nats-Msg-Id": "e-1",
        "Ganglion-Version": "1",
      });
      const info = await transport.jetstream.streams.info("shop-events");
      expect(info?.spec.subjects).toEqual(["shop.bought", "shop.*.moved"]);
    });

    it("that are refused by their schema are not sent, and unreadable ones become dead letters", async () => {
      const seen: string[] = [];
      @Service("mail")
      class Mail {
        @Subscriber(Shop.bought) onBought({ id }: Bought) {
          seen.push(id);
        }
      }
      const app = await start(Mail);
      await expect(app.emit(Shop.bought, { id: 1 as unknown as string })).rejects.toMatchObject({
        code: "INVALID_DATA",
        details: { issues: [{ path: "id" }] },
      });
      await transport.jetstream.append("shop.bought", '{"id":1}');
      await transport.jetstream.append("shop.bought", "{");
      await transport.jetstream.append("shop.bought", '{"id":"x"}', { headers: [["Ganglion-Version", "2"]] });
      await app.emit(Shop.bought, { id: "good" });
      await waitFor(() => seen.length === 1);
      const letters = await waitFor(async () => {
        const letters = await deadLetters("mail-dead");
        return letters.length === 3 ? letters : undefined;
      });
      expect(letters.map(({ code, sequence }) => [code, sequence]).sort()).toEqual([
        ["DELIVERY_DEAD", "1"],
        ["DELIVERY_DEAD", "2"],
        ["DELIVERY_DEAD", "3"],
      ]);
    });

    it("are not doubled by a handler or subscriber that is tried again", async () => {
      const shipped: string[] = [];
      const attempts: string[] = [];
      @Service("relay")
      class Relay {
        @Subscriber(Shop.bought, { retry: { attempts: 3, backoff: 20 } })
        async onBought({ id }: Bought, ctx: EventContext) {
          attempts.push(`${ctx.idempotencyKey} ${ctx.deliveryCount}`);
          // A first attempt that emits in another order must not lose an event of the second.
          if (ctx.deliveryCount === 1) {
            await ctx.enqueue(Shop.ship, { id: `${id}-a` });
            throw new TypeError("after the first effect");
          }
          await ctx.enqueue(Shop.ship, { id: `${id}-a` });
          await ctx.enqueue(Shop.ship, { id: `${id}-b` });
          await ctx.emit(Shop.moved, { n: 1 }, { params: { region: "eu" } });
        }
        @Worker(Shop.ship) ship({ id }: Ship) {
          shipped.push(id);
        }
      }
      const app = await start(Relay);
      await app.emit(Shop.bought, { id: "1" }, { id: "e-1" });
      await waitFor(() => shipped.length === 2);
      expect(shipped).toEqual(["1-a", "1-b"]);
      expect(attempts).toEqual(["relay-bought/e-1 1", "relay-bought/e-1 2"]);
      await waitFor(async () => (await transport.jetstream.streams.info("shop-tasks"))?.messages === 0);
    });

    it("of one caller's attempts at an rpc are stored once", async () => {
      @Service(Shop)
      class ShopService {
        @Handler(Shop.buy) async buy(id: string, ctx: HandlerContext<typeof Shop.buy>) {
          const { duplicate } = await ctx.emit(Shop.bought, { id });
          return String(duplicate);
        }
      }
      const app = await start(ShopService);
      const { buy } = app.client(Shop);
      expect(await buy("1", { idempotencyKey: "k" })).toBe("false");
      expect(await buy("1", { idempotencyKey: "k" })).toBe("true");
      expect(await buy("1")).toBe("false");
      expect(await buy("1")).toBe("false");
    });

    it("that are not durable reach those who listen, and no stream", async () => {
      const seen: string[] = [];
      const listener = (name: string) => {
        @Service(name)
        class Listener {
          @Subscriber(Shop.seen, { queue: "one" }) inQueue(text: string) {
            seen.push(`queue ${text}`);
          }
        }
        @Service(`${name}-all`)
        class Everyone {
          @Subscriber(Shop.bought, { durable: false }) all({ id }: Bought) {
            seen.push(`${name} ${id}`);
          }
        }
        return [Listener, Everyone] as const;
      };
      const app = await start(...listener("a"));
      await start(...listener("b"));
      app.publish(Shop.seen, "1");
      await app.emit(Shop.seen, "2");
      app.publish(Shop.bought, { id: "4" });
      await waitFor(() => seen.filter((text) => text.endsWith("4")).length === 2);
      expect(seen.filter((text) => text.startsWith("queue")).sort()).toEqual(["queue 1", "queue 2"]);
      expect(await transport.jetstream.streams.names()).toEqual([]);
    });
  });

  it("are seen by listeners that know no contract", async () => {
    const Anything = event({ subject: "shop.>", data: z.unknown(), durable: false });
    const seen: string[] = [];
    @Service("log")
    class Log {
      @Subscriber(Anything)
      onAnything(data: unknown, ctx: EventContext) {
        seen.push(`${ctx.subject} ${JSON.stringify(data)}`);
      }
    }
    const app = await start(Log);
    app.publish(Shop.seen, "hello");
    await waitFor(() => seen.length === 1);
    expect(seen).toEqual(['shop.seen "hello"']);
  });

  describe("a message that fails", () => {
    it("is tried again after the backoff, then kept as a dead letter", async () => {
      const atMs: number[] = [];
      @Service("mail")
      class Mail {
        @Subscriber(Shop.bought, { retry: { attempts: 3, backoff: [60, 120] } })
        onBought() {
          atMs.push(performance.now());
          throw new TypeError("no luck\nat all");
        }
      }
      const logger = new RecordingLogger();
      const app = await startApp({ services: [Mail], nats: broker.url, logger });
      apps.push(app);
      await app.emit(Shop.bought, { id: "1" }, { id: "e-1", headers: [["traceparent", "00-1-2-01"]] });
      const [letter] = await waitFor(async () => {
        const letters = await deadLetters("mail-dead");
        return letters.length > 0 ? letters : undefined;
      });
      const [first = 0, second = 0, third = 0] = atMs;
      expect(atMs).toHaveLength(3);
      expect(second - first).toBeGreaterThanOrEqual(55);
      expect(third - second).toBeGreaterThanOrEqual(115);
      expect(letter).toMatchObject({
        subject: "dead.mail.mail-bought",
        body: '{"id":"1"}',
        original: "shop.bought",
        stream: "shop-events",
        sequence: "1",
        consumer: "mail-bought",
        deliveries: "3",
        code: "TypeError",
        reason: "no luck at all",
        origin: "shop-events.1",
        traceparent: "00-1-2-01",
        ceId: "e-1",
      });
      expect(letter?.stackHash).toMatch(/^[0-9a-f]{16}$/);
      await waitFor(
        async () =>
          (await transport.jetstream.consumers.info("shop-events", "mail-bought"))?.ackPending === 0,
      );
      const outcomes = logger.lines.filter(({ message }) => message === "a delivery failed");
      expect(outcomes.map(({ fields }) => fields.outcome)).toEqual(["retry", "retry", "dead"]);
    });

    it("goes where its method says", async () => {
      const counts = new Map<string, number>();
      @Service("mail")
      class Mail {
        @Worker(Shop.ship, { retry: { attempts: 5, backoff: "1h" } })
        ship({ id }: Ship, ctx: TaskContext) {
          counts.set(id, ctx.deliveryCount);
          if (id === "reject") throw ctx.reject("not wanted");
          if (id === "dead") throw ctx.dead("broken");
          if (id === "retry" && ctx.deliveryCount < 3) throw ctx.retry("soon", { after: 10 });
        }
      }
      const app = await start(Mail);
      for (const id of ["reject", "dead", "retry", "fine"]) await app.enqueue(Shop.ship, { id });
      await waitFor(async () => (await transport.jetstream.streams.info("shop-tasks"))?.messages === 0);
      expect(Object.fromEntries(counts)).toEqual({ reject: 1, dead: 1, retry: 3, fine: 1 });
      expect((await deadLetters("mail-dead")).map(({ body }) => body)).toEqual(['{"id":"dead"}']);
    });

    it("does not overtake or get overtaken by others of its key", async () => {
      const order: string[] = [];
      const counts: number[] = [];
      @Service("stock")
      class Stock {
        @Subscriber(Shop.bought, { orderBy: "key", retry: { attempts: 4, backoff: 40 } })
        async onBought({ id, at = "" }: Bought, ctx: EventContext) {
          order.push(`${id}${at.slice(17, 19)}`);
          if (at.includes(":01Z")) counts.push(ctx.deliveryCount);
          await Promise.resolve();
          if (id === "a" && at.includes(":01Z") && order.filter((text) => text === "a01").length < 3) {
            throw ctx.retry("not yet");
          }
        }
      }
      const app = await start(Stock);
      const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
      for (const [id, second] of [
        ["a", 1],
        ["a", 2],
        ["b", 3],
        ["a", 4],
      ] as const) {
        await app.emit(Shop.bought, { id, at: at(second) });
      }
      await waitFor(() => order.includes("a04"));
      expect(order.filter((text) => text.startsWith("a"))).toEqual(["a01", "a01", "a01", "a02", "a04"]);
      expect(order.indexOf("b03")).toBeLessThan(order.lastIndexOf("a01"));
      // The server knows of one delivery: the others were attempts made here.
      expect(counts).toEqual([1, 2, 3]);
    });

    it("is given up when a method takes longer than it may", async () => {
      const aborted: unknown[] = [];
      @Service("mail")
      class Mail {
        @Worker(Shop.ship, { timeout: "80ms", retry: { attempts: 2, backoff: 10 } })
        ship(_task: Ship, { signal }: TaskContext) {
          signal.addEventListener("abort", () => aborted.push(signal.reason));
          return new Promise<void>(() => {});
        }
      }
      const app = await start(Mail);
      await app.enqueue(Shop.ship, { id: "1" });
      await waitFor(async () => (await deadLetters("mail-dead")).length === 1);
      expect(aborted).toMatchObject([{ code: "TIMEOUT" }, { code: "TIMEOUT" }]);
    });

    it("is delivered again after its process was killed, and in the end not for ever", async () => {
      const counts: number[] = [];
      @Service("mail")
      class Mail {
        @Worker(Shop.ship, { ackWait: "300ms", retry: { attempts: 2 } })
        ship(_task: Ship, ctx: TaskContext) {
          counts.push(ctx.deliveryCount);
        }
      }
      const app = await start(Mail);
      await app.stop();
      // Somebody else takes the message and vanishes: what a kill -9 looks like to the server.
      await transport.jetstream.append("shop.ship", '{"id":"1"}');
      const vanish = async () => {
        const gone = await connectNats({ servers: broker.url });
        let taken = 0;
        await gone.jetstream.consume("shop-tasks", "ship", {
          maxInFlight: 1,
          onMessage: () => {
            taken++;
          },
        });
        await waitFor(() => taken > 0);
        await gone.close();
      };
      await vanish();
      const second = await start(Mail);
      await waitFor(() => counts.length === 1);
      expect(counts).toEqual([2]);
      await second.stop();

      await transport.jetstream.append("shop.ship", '{"id":"2"}');
      await vanish();
      await vanish();
      await start(Mail);
      await waitFor(async () => (await deadLetters("mail-dead")).length === 1);
      expect(counts).toEqual([2]); // the third delivery was not tried any more
    });

    it("keeps its place while a method works on it for long", async () => {
      const counts: number[] = [];
      @Service("mail")
      class Mail {
        @Worker(Shop.ship, { ackWait: "600ms", concurrency: 1 })
        async ship(_task: Ship, ctx: TaskContext) {
          counts.push(ctx.deliveryCount);
          await new Promise((resolve) => setTimeout(resolve, 1_200));
        }
      }
      const app = await start(Mail);
      await app.enqueue(Shop.ship, { id: "1" });
      await app.enqueue(Shop.ship, { id: "2" }); // waits in the process, and is kept too
      await waitFor(async () => (await transport.jetstream.streams.info("shop-tasks"))?.messages === 0);
      expect(counts).toEqual([1, 1]);
    });
  });

  describe("batches", () => {
    it("are handed over full or after a while, and fail as a whole", async () => {
      const batches: string[][] = [];
      let failures = 0;
      @Service("index")
      class Index {
        @Subscriber(Shop.bought, { batch: 4, batchWait: "50ms", retry: { attempts: 3, backoff: 30 } })
        onBatch(events: readonly Bought[], ctx: EventBatchContext) {
          batches.push(events.map(({ id }) => id));
          expect(ctx.deliveries.map(({ stream }) => stream)).toEqual(events.map(() => "shop-events"));
          if (events.some(({ id }) => id === "5") && failures++ === 0) throw new TypeError("once");
        }
      }
      @Service("filler")
      class Filler {
        @Subscriber(Shop.bought, { durable: "filler" }) nothing() {}
      }
      const app = await start(Filler);
      for (let i = 1; i <= 6; i++) await app.emit(Shop.bought, { id: String(i) });
      await transport.jetstream.append("shop.bought", "{");
      await start(Index);
      await waitFor(() => batches.length === 3);
      expect(batches).toEqual([
        ["1", "2", "3", "4"],
        ["5", "6"],
        ["5", "6"],
      ]);
      await waitFor(
        async () =>
          (await transport.jetstream.consumers.info("shop-events", "index-bought"))?.ackPending === 0,
      );
    });

    it("with acknowledgements that cover what came before send one for each batch", async () => {
      const sizes: number[] = [];
      @Service("index")
      class Index {
        @Subscriber(Shop.bought, { batch: 10, ack: "all" }) onBatch(events: readonly Bought[]) {
          sizes.push(events.length);
        }
      }
      const app = await start(Index);
      const acks: string[] = [];
      transport.subscribe("$JS.ACK.shop-events.index-bought.>", {
        onMessage: ({ subject }) => acks.push(subject),
      });
      await transport.flush();
      await Promise.all(Array.from({ length: 10 }, (_, i) => app.emit(Shop.bought, { id: String(i) })));
      await waitFor(
        async () =>
          (await transport.jetstream.consumers.info("shop-events", "index-bought"))?.ackFloorSequence === 10,
      );
      expect(acks).toHaveLength(sizes.length);
    });
  });

  describe("stopping under load", () => {
    it("loses nothing and repeats only what it gave back", async () => {
      const done = new Map<string, number>();
      let running = 0;
      const make = () => {
        @Service("mail")
        class Mail {
          @Worker(Shop.ship, { concurrency: 4, retry: { attempts: 10, backoff: 1 } })
          async ship({ id }: Ship, ctx: TaskContext) {
            running++;
            await new Promise((resolve) => setTimeout(resolve, 5));
            running--;
            expect(ctx.signal.aborted).toBe(false);
            done.set(id, (done.get(id) ?? 0) + 1);
          }
        }
        return Mail;
      };
      const first = await start(make());
      const sender = await start();
      const sending = (async () => {
        for (let i = 0; i < 300; i++) await sender.enqueue(Shop.ship, { id: String(i) });
      })();
      await waitFor(() => done.size > 30);
      await first.stop();
      expect(running).toBe(0);
      const after = done.size;
      await sending;
      expect(done.size).toBe(after);
      await start(make());
      await waitFor(() => done.size === 300, { timeoutMs: 10_000 });
      await waitFor(async () => (await transport.jetstream.streams.info("shop-tasks"))?.messages === 0);
      expect([...done.values()].every((count) => count === 1)).toBe(true);
    });

    it("gives back what does not end within the budget", async () => {
      let started = 0;
      @Service("mail")
      class Mail {
        @Worker(Shop.ship, { ackWait: "60s" }) ship(_task: Ship, { signal }: TaskContext) {
          started++;
          return new Promise<void>((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason)),
          );
        }
      }
      const app = await startApp({ services: [Mail], nats: broker.url, stopTimeout: "100ms" });
      await app.enqueue(Shop.ship, { id: "1" });
      await waitFor(() => started === 1);
      await app.stop();
      const again = await startApp({ services: [Mail], nats: broker.url, stopTimeout: "100ms" });
      await waitFor(() => started === 2); // long before the ack wait is over
      await again.stop();
    });
  });

  describe("topology", () => {
    it("is planned, created, verified, and never narrowed", async () => {
      @Service("mail")
      class Mail {
        @Subscriber(Shop.bought) onBought() {}
      }
      const strict = await createApp({
        services: [Mail],
        nats: broker.url,
        manage: "verify",
        logger: silentLogger,
      });
      await expect(strict.start()).rejects.toThrow("stream shop-events is missing (needed by mail)");

      await transport.jetstream.streams.ensure({
        name: "shop-events",
        subjects: ["legacy.>"],
        maxAgeMs: 3_600_000,
        storage: "file",
      });
      const app = await start(Mail);
      const info = await transport.jetstream.streams.info("shop-events");
      expect(info?.spec).toMatchObject({
        subjects: ["legacy.>", "shop.bought", "shop.*.moved"],
        maxAgeMs: 3_600_000,
      });
      expect(await app.plan()).toEqual([]);
      const verified = await startApp({ services: [Mail], nats: broker.url, manage: "verify" });
      await verified.stop();
      expect(
        app
          .guarantees()
          .streams.map(({ name }) => name)
          .sort(),
      ).toEqual(["mail-dead", "shop-events"]);
      expect(app.guarantees().notes.join()).toContain("one copy on one server");
    });

    it("rebuilds a consumer, and its stream, when they are lost", async () => {
      const seen: string[] = [];
      @Service("mail")
      class Mail {
        @Subscriber(Shop.bought) onBought({ id }: Bought) {
          seen.push(id);
        }
      }
      const app = await start(Mail);
      await transport.jetstream.streams.delete("shop-events");
      await waitFor(async () => (await transport.jetstream.streams.names()).includes("shop-events"), {
        timeoutMs: 15_000,
      });
      await waitFor(() => app.health().ready);
      await app.emit(Shop.bought, { id: "1" });
      await waitFor(() => seen.length === 1);
    });
  });
});

interface Letter {
  readonly [field: string]: string | undefined;
}

async function deadLetters(stream: string): Promise<readonly Letter[]> {
  const info = await transport.jetstream.streams.info(stream);
  const letters: Letter[] = [];
  for (let sequence = 1; sequence <= (info?.lastSequence ?? 0); sequence++) {
    const message = await transport.jetstream.get(stream, { sequence });
    if (message === undefined) continue;
    const header = (name: string) => message.headers.get(name);
    letters.push({
      subject: message.subject,
      body: message.text(),
      original: header(DEAD_LETTER.subject),
      stream: header(DEAD_LETTER.stream),
      sequence: header(DEAD_LETTER.sequence),
      consumer: header(DEAD_LETTER.consumer),
      deliveries: header(DEAD_LETTER.deliveries),
      code: header(DEAD_LETTER.code),
      reason: header(DEAD_LETTER.reason),
      stackHash: header(DEAD_LETTER.stackHash),
      origin: header("Ganglion-Origin"),
      traceparent: header("traceparent"),
      ceId: header("ce-id"),
    });
  }
  return letters;
}
