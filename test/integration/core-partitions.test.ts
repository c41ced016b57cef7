import {
  type App,
  contract,
  createApp,
  type DataOut,
  event,
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
import { afterEach, beforeEach, expect, it } from "vitest";
import * as z from "zod";

const PARTITIONS = 6;
const Item = z.object({ key: z.string(), n: z.number() });
const Shop = contract("shop", {
  version: "1.0.0",
  moved: event({ data: Item, key: ({ key }) => key, partitions: PARTITIONS }),
  print: task({ data: Item, key: ({ key }) => key, partitions: 2 }),
});
type Item = DataOut<typeof Shop.moved>;

interface Run {
  readonly app: string;
  readonly item: Item;
}

/** What was done, in the order it was begun. */
let runs: Run[] = [];
/** Who works on which key right now. */
let working = new Map<string, string>();
let overlaps: string[] = [];
let workMs = 0;

/** A class for each app, so that runs tell who did them. */
function stock(name: string) {
  @Service("stock")
  class Stock {
    @Subscriber(Shop.moved, {
      orderBy: "key",
      partitionLease: "1500ms",
      ackWait: "3s",
      retry: { attempts: 10, backoff: "50ms" },
    })
    async onMoved(item: Item) {
      const other = working.get(item.key);
      if (other !== undefined) overlaps.push(`${item.key} ${item.n}: ${other} and ${name}`);
      working.set(item.key, name);
      runs.push({ app: name, item });
      if (workMs > 0) await new Promise((resolve) => setTimeout(resolve, workMs));
      if (working.get(item.key) === name) working.delete(item.key);
    }
  }
  return Stock;
}

describeBrokers("partitions", (startBroker) => {
  let broker: TestBroker;
  let observer: Transport;
  const apps: App[] = [];
  const transports: Transport[] = [];

  beforeEach(async () => {
    runs = [];
    working = new Map();
    overlaps = [];
    workMs = 0;
    broker = await startBroker();
    observer = await connectNats({ servers: broker.url });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
    for (const transport of transports.splice(0)) await transport.close();
    await observer.close();
    await broker.close();
  });

  const start = async (...services: (new () => object)[]) => {
    const transport = await connectNats({ servers: broker.url });
    transports.push(transport);
    const app = await createApp({ services, transport, logger: silentLogger, stopTimeout: "3s" });
    apps.push(app);
    await app.start();
    return { app, transport };
  };
  /** How many partitions each owner has, largest first. */
  const shares = async () => {
    const counts = new Map<string, number>();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const lease = await observer.jetstream.get("KV_stock-leases", {
        lastOf: `$KV.stock-leases.stock-moved.partition.${partition}`,
      });
      const owner = lease?.text() ?? "";
      if (owner !== "") counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    return [...counts.values()].sort((a, b) => b - a);
  };
  /** Emits the next numbers of twelve keys. */
  const emit = async (app: App, from: number, to: number) => {
    const sent: Promise<unknown>[] = [];
    for (let n = from; n < to; n++) {
      for (let key = 0; key < 12; key++) sent.push(app.emit(Shop.moved, { key: `k${key}`, n }));
    }
    await Promise.all(sent);
  };
  /** For each key the numbers as they were done: in order, each once but for those that were done again. */
  const checkOrder = (keys: number, count: number) => {
    for (let key = 0; key < keys; key++) {
      const seen = runs.filter(({ item }) => item.key === `k${key}`).map(({ item }) => item.n);
      const first = seen.filter((n, index) => seen.indexOf(n) === index);
      expect(first, `key k${key}`).toEqual(Array.from({ length: count }, (_, n) => n));
    }
  };
  const allDone = (keys: number, count: number) =>
    waitFor(() => new Set(runs.map(({ item }) => `${item.key} ${item.n}`)).size === keys * count, {
      timeoutMs: 30_000,
    });

  it("are shared evenly, and again when a process joins or leaves", { timeout: 60_000 }, async () => {
    const first = await start(stock("a"));
    expect(await shares()).toEqual([6]);
    await start(stock("b"));
    await waitFor(async () => (await shares()).join() === "3,3");
    const third = await start(stock("c"));
    await waitFor(async () => (await shares()).join() === "2,2,2");
    await third.app.stop();
    await waitFor(async () => (await shares()).join() === "3,3");
    await first.app.stop();
    await waitFor(async () => (await shares()).join() === "6");
  });

  it("keep each key with one process at a time and in order, while processes come and go", {
    timeout: 90_000,
  }, async () => {
    workMs = 2;
    const a = await start(stock("a"));
    let count = 0;
    let over = false;
    const emitting = (async () => {
      for (; !over; count++) await emit(a.app, count, count + 1);
    })();
    await start(stock("b"));
    await waitFor(async () => (await shares()).join() === "3,3");
    const c = await start(stock("c"));
    await waitFor(async () => (await shares()).join() === "2,2,2");
    await c.app.stop();
    await waitFor(async () => (await shares()).join() === "3,3");
    over = true;
    await emitting;
    await allDone(12, count);
    checkOrder(12, count);
    expect(overlaps).toEqual([]);
    expect(new Set(runs.map(({ app }) => app))).toEqual(new Set(["a", "b", "c"]));
    // Handing over gives back what was not started: nothing is done twice.
    expect(runs).toHaveLength(12 * count);
  });

  it("of a process that is gone are taken over", { timeout: 60_000 }, async () => {
    const a = await start(stock("a"));
    const b = await start(stock("b"));
    await waitFor(async () => (await shares()).join() === "3,3");
    // It neither stops nor gives anything back.
    await b.transport.close();
    await emit(a.app, 0, 10);
    await allDone(12, 10);
    checkOrder(12, 10);
    expect(overlaps).toEqual([]);
    await waitFor(async () => (await shares()).join() === "6");
  });

  it("hold tasks as well, and their dead letters go back to the owner", { timeout: 60_000 }, async () => {
    let broken = true;
    const printed: string[] = [];
    const printer = () => {
      @Service("printer")
      class Printer {
        @Worker(Shop.print, { retry: { attempts: 1 }, partitionLease: "1500ms" })
        print({ key, n }: Item, ctx: TaskContext) {
          if (broken) throw ctx.dead("no paper");
          printed.push(`${key} ${n}`);
        }
      }
      return Printer;
    };
    const first = await start(printer());
    await start(printer());
    for (let n = 0; n < 8; n++) await first.app.enqueue(Shop.print, { key: `k${n}`, n });
    const dead = first.app.deadLetters("printer");
    await waitFor(async () => (await dead.count()) === 8);
    broken = false;
    await dead.redrive({});
    await waitFor(() => printed.length === 8);
    await waitFor(async () => (await dead.count()) === 0);
    expect(new Set(printed).size).toBe(8);
  });

  it("need a key, and a number that makes sense", () => {
    const declare =
      (options: { readonly partitions: number; readonly key?: () => string; readonly subject?: string }) =>
      () =>
        contract("x", { version: "1.0.0", e: event({ data: z.string(), ...options }) });
    const key = () => "k";
    expect(declare({ partitions: 0, key })).toThrow("e has 0 partitions");
    expect(declare({ partitions: 300, key })).toThrow("e has 300 partitions");
    expect(declare({ partitions: 2 })).toThrow("e has partitions and no key");
    expect(declare({ partitions: 2, key, subject: "a.>" })).toThrow("can neither end in >");
    expect(declare({ partitions: 2, key, subject: "a.{partition}" })).toThrow("nor name {partition} itself");
  });
});
