import {
  type App,
  contract,
  type DataOut,
  type DeadLetter,
  type EventBatchContext,
  type EventContext,
  event,
  Service,
  Subscriber,
  type TaskContext,
  task,
  Worker,
} from "@ganglion/core";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Shop = contract("shop", {
  version: "1.0.0",
  bought: event({ data: z.object({ id: z.string() }), key: ({ id }) => id }),
  ship: task({ data: z.object({ id: z.string() }) }),
});
type Bought = DataOut<typeof Shop.bought>;

let broker: TestBroker;
let transport: Transport;
const apps: App[] = [];

/** What the methods below did, and whether they fail. */
let broken = true;
let done: string[] = [];

@Service("mail")
class Mail {
  @Subscriber(Shop.bought, { retry: { attempts: 1 } })
  onBought({ id }: Bought, ctx: EventContext) {
    if (broken) throw id === "type" ? new TypeError("wrong type") : ctx.dead("down");
    done.push(`mail ${id} ${ctx.subject} ${ctx.idempotencyKey}`);
  }
  @Worker(Shop.ship, { retry: { attempts: 1 } })
  ship({ id }: Bought, ctx: TaskContext) {
    if (broken) throw ctx.dead("down");
    done.push(`ship ${id}`);
  }
}

@Service("stock")
class Stock {
  @Subscriber(Shop.bought)
  onBought({ id }: Bought) {
    done.push(`stock ${id}`);
  }
}

@Service("report")
class Report {
  @Subscriber(Shop.bought, { batch: 10, retry: { attempts: 1 } })
  onBought(events: readonly Bought[], _ctx: EventBatchContext) {
    if (broken) throw new Error("down");
    done.push(`report ${events.map(({ id }) => id).join()}`);
  }
}

describeBrokers("dead letters", (startBroker) => {
  beforeEach(async () => {
    broken = true;
    done = [];
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
  const letters = async (app: App, service = "mail") => {
    const found: DeadLetter[] = [];
    for await (const letter of app.deadLetters(service).list()) found.push(letter);
    return found;
  };
  const messages = async (stream: string) => (await transport.jetstream.streams.info(stream))?.messages;

  it("are listed, looked at and counted", async () => {
    const app = await start(Mail);
    expect(await letters(app)).toEqual([]);
    for (const id of ["1", "type", "3"]) await app.emit(Shop.bought, { id });
    await app.enqueue(Shop.ship, { id: "4" });
    const dead = app.deadLetters("mail");
    await waitFor(async () => (await dead.count()) === 4);
    const all = await letters(app);
    const wrong = all.find(({ code }) => code === "TypeError");
    expect(wrong).toMatchObject({
      subject: "shop.bought",
      stream: "shop-events",
      originalSequence: 2,
      consumer: "mail-bought",
      deliveries: 1,
      reason: "wrong type",
    });
    expect(wrong?.text()).toBe('{"id":"type"}');
    expect(await dead.get(wrong?.sequence ?? 0)).toMatchObject({
      sequence: wrong?.sequence,
      code: "TypeError",
    });
    expect(await dead.get(99)).toBeUndefined();
    expect(await dead.count({ code: "TypeError" })).toBe(1);
    expect(await dead.count({ consumer: "ship" })).toBe(1);
    expect(await dead.count({ subject: "shop.*" })).toBe(4);
    expect(await dead.count({ until: wrong?.time ?? new Date(0), code: "TypeError" })).toBe(0);
    expect(await dead.count({ since: wrong?.time ?? new Date(), code: "TypeError" })).toBe(1);
    const ids: string[] = [];
    for await (const letter of dead.list({ limit: 2 })) ids.push(letter.text());
    expect(ids).toHaveLength(2);
    expect(await app.deadLetters("nobody").count()).toBe(0);
  });

  it("go back to the method that could not handle them, and to nobody else", async () => {
    const app = await start(Mail, Stock);
    for (const id of ["1", "2"]) await app.emit(Shop.bought, { id });
    await app.enqueue(Shop.ship, { id: "3" });
    const dead = app.deadLetters("mail");
    await waitFor(async () => (await dead.count()) === 3 && done.length === 2);
    broken = false;
    done = [];
    expect(await dead.redrive({})).toBe(3);
    await waitFor(async () => (await messages("mail-dead")) === 0);
    const keys = done.map((entry) => entry.split(" ").slice(0, 3).join(" ")).sort();
    expect(keys).toEqual(["mail 1 shop.bought", "mail 2 shop.bought", "ship 3"]);
    // The key is that of the first attempts: what an earlier one did outside is not done twice.
    expect(new Set(done.filter((entry) => entry.startsWith("mail"))).size).toBe(2);
  });

  it("that fail again are letters again, and none is lost or doubled", async () => {
    const app = await start(Mail);
    await app.emit(Shop.bought, { id: "1" });
    const dead = app.deadLetters("mail");
    const [first] = await waitFor(async () => {
      const found = await letters(app);
      return found.length === 1 ? found : undefined;
    });
    await dead.redrive(first?.sequence ?? 0);
    const [second] = await waitFor(async () => {
      const found = await letters(app);
      return found.length === 1 && found[0]?.sequence !== first?.sequence ? found : undefined;
    });
    expect(second).toMatchObject({ originalSequence: 1, stream: "shop-events", text: expect.any(Function) });
    expect(second?.headers.entries().filter(([name]) => name === "Ganglion-Dead-Code")).toHaveLength(1);
    broken = false;
    expect(await dead.redrive(second?.sequence ?? 0)).toBe(1);
    await waitFor(async () => (await messages("mail-dead")) === 0);
    expect(done).toHaveLength(1);
    await expect(dead.redrive(second?.sequence ?? 0)).rejects.toMatchObject({ code: "NO_DEAD_LETTER" });
  });

  it("are not doubled when they are redriven twice while the service is down", async () => {
    const app = await start(Mail);
    await app.emit(Shop.bought, { id: "1" });
    await waitFor(async () => (await app.deadLetters("mail").count()) === 1);
    await app.stop();
    const operator = await start();
    const dead = operator.deadLetters("mail");
    expect(await Promise.all([dead.redrive({}), dead.redrive({})])).toEqual(expect.arrayContaining([0, 1]));
    // As if the operator died before it knew, and came back when the ids are forgotten.
    expect(await dead.redrive({})).toBe(0);
    expect(await dead.count()).toBe(1);
    broken = false;
    await start(Mail);
    await waitFor(async () => (await messages("mail-dead")) === 0);
    expect(done).toHaveLength(1);
  });

  it("of a consumer that is gone become letters again", async () => {
    const app = await start(Mail);
    await app.emit(Shop.bought, { id: "1" });
    await waitFor(async () => (await app.deadLetters("mail").count()) === 1);
    await app.stop();
    @Service("mail")
    class OtherMail {
      @Subscriber(Shop.bought, { durable: "renamed" })
      onBought() {}
    }
    const other = await start(OtherMail);
    await other.deadLetters("mail").redrive({});
    const [letter] = await waitFor(async () => {
      const found = await letters(other);
      return found[0]?.code === "NO_CONSUMER" ? found : undefined;
    });
    expect(letter).toMatchObject({ consumer: "mail-bought", subject: "shop.bought" });
    expect(await messages("mail-dead")).toBe(1);
  });

  it("of a method for batches go back in batches", async () => {
    const app = await start(Report);
    for (const id of ["1", "2"]) await app.emit(Shop.bought, { id });
    const dead = app.deadLetters("report");
    await waitFor(async () => (await dead.count()) === 2);
    broken = false;
    await dead.redrive({});
    await waitFor(async () => (await messages("report-dead")) === 0);
    expect(done.join(" ").match(/\d/g)?.sort()).toEqual(["1", "2"]);
  });

  it("are removed for good when nobody wants them", async () => {
    const app = await start(Mail);
    for (const id of ["1", "type"]) await app.emit(Shop.bought, { id });
    const dead = app.deadLetters("mail");
    await waitFor(async () => (await dead.count()) === 2);
    expect(await dead.discard({ code: "TypeError" })).toBe(1);
    expect(await dead.count()).toBe(1);
  });
});
