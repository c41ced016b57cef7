import {
  type App,
  contract,
  createApp,
  factory,
  Handler,
  type HandlerContext,
  type In,
  inject,
  rpc,
  Service,
  token,
} from "@ganglion/core";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, headers as natsHeaders } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { RecordingLogger, startApp } from "../support/core-app.js";

const Orders = contract("orders", {
  version: "1.2.0",
  place: rpc({
    input: z.object({ sku: z.string().min(1), qty: z.number().default(1) }),
    output: z.object({ id: z.string(), qty: z.number() }),
    errors: { OUT_OF_STOCK: z.object({ sku: z.string() }) },
  }),
  slow: rpc({ input: z.number(), output: z.string(), timeout: "2s" }),
  relay: rpc({ input: z.number(), output: z.number(), timeout: "2s" }),
  fail: rpc({ input: z.string(), output: z.string() }),
  reboot: rpc({ input: z.void(), output: z.string(), subject: "devices.{id}.reboot" }),
});

const aborted: unknown[] = [];

@Service(Orders)
class OrdersService {
  @Handler(Orders.place)
  async place(input: In<typeof Orders.place>, ctx: HandlerContext<typeof Orders.place>) {
    if (input.sku === "none") throw ctx.error("OUT_OF_STOCK", { sku: input.sku });
    return { id: "o1", qty: input.qty, secret: "not in the schema" };
  }
  @Handler(Orders.slow, { concurrency: 2 })
  slow(delayMs: number, { signal }: HandlerContext<typeof Orders.slow>) {
    return new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => resolve("done"), delayMs);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        aborted.push(signal.reason);
        reject(signal.reason);
      });
    });
  }
  @Handler(Orders.relay)
  async relay(hops: number, ctx: HandlerContext<typeof Orders.relay>): Promise<number> {
    if (hops === 0) return ctx.remainingMs() ?? -1;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return ctx.call(Orders.relay, hops - 1, { timeout: "60s" });
  }
  @Handler(Orders.fail)
  fail(how: string): string {
    if (how === "result") return 1 as unknown as string;
    throw new TypeError(`secret: ${how}`);
  }
  @Handler(Orders.reboot)
  reboot(_input: In<typeof Orders.reboot>, ctx: HandlerContext<typeof Orders.reboot>) {
    return `${ctx.params.id} on ${ctx.subject}`;
  }
}

let broker: TestBroker;
describeBrokers("calls", (startBroker) => {
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.close());

  const apps: App[] = [];
  afterEach(async () => {
    for (const app of apps.splice(0).reverse()) await app.stop();
    aborted.length = 0;
  });
  const start = async (options: Parameters<typeof startApp>[0] = {}) => {
    const app = await startApp({ services: [OrdersService], nats: broker.url, ...options });
    apps.push(app);
    return app;
  };

  describe("rpc", () => {
    it("decodes the input, applies defaults and strips what the result's schema does not have", async () => {
      const app = await start();
      expect(await app.client(Orders).place({ sku: "a" })).toEqual({ id: "o1", qty: 1 });
      expect(await app.call(Orders.place, { sku: "a", qty: 3 })).toEqual({ id: "o1", qty: 3 });
      expect(await app.client(Orders).reboot(undefined, { params: { id: "d7" } })).toBe(
        "d7 on devices.d7.reboot",
      );
    });

    it("throws the declared error at the caller, or returns it", async () => {
      const app = await start();
      const { place } = app.client(Orders);
      await expect(place({ sku: "none" })).rejects.toMatchObject({
        name: "ServiceError",
        code: "OUT_OF_STOCK",
        data: { sku: "none" },
      });
      expect(await place.safe({ sku: "none" })).toMatchObject({
        ok: false,
        error: { code: "OUT_OF_STOCK", data: { sku: "none" } },
      });
      expect(await place.safe({ sku: "a" })).toEqual({ ok: true, value: { id: "o1", qty: 1 } });
    });

    it("tells nothing about errors that are not declared, except in the service's log", async () => {
      const logger = new RecordingLogger();
      const app = await start({ logger });
      const { fail } = app.client(Orders);
      for (const how of ["exception", "result"]) {
        const error = await fail(how).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: "INTERNAL" });
        expect(JSON.stringify(error) + String(error)).not.toContain("secret");
      }
      const failures = logger.lines.filter(({ message }) => message === "a handler failed");
      expect(String(failures[0]?.fields.error)).toContain("secret: exception");
      expect(String(failures[1]?.fields.error)).toContain("result does not fit its schema");
    });

    it("refuses wrong input at both ends, with the path", async () => {
      const app = await start();
      await expect(app.client(Orders).place({ sku: "" })).rejects.toMatchObject({
        code: "INVALID_DATA",
        details: { issues: [{ path: "sku" }] },
      });
      const connection = await connect({ servers: broker.url });
      const reply = await connection.request("orders.place", '{"sku":1}');
      expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("400");
      expect(reply.json()).toMatchObject({ code: "BAD_REQUEST", data: { issues: [{ path: "sku" }] } });
      const broken = await connection.request("orders.place", "{");
      expect(broken.json()).toMatchObject({ code: "BAD_REQUEST" });
      const plain = await connection.request("orders.place", '{"sku":"a"}');
      expect(plain.headers).toBeUndefined();
      expect(plain.json()).toEqual({ id: "o1", qty: 1 });
      await connection.close();
    });

    it("refuses callers of another major version", async () => {
      await start();
      const connection = await connect({ servers: broker.url });
      const headers = natsHeaders();
      headers.set("Ganglion-Version", "2");
      const reply = await connection.request("orders.place", '{"sku":"a"}', { timeout: 2_000, headers });
      expect(reply.json()).toMatchObject({
        code: "VERSION_MISMATCH",
        data: { version: "1.2.0", callerMajor: 2 },
      });
      await connection.close();
    });

    it("tells slow from absent", async () => {
      const app = await start();
      const before = Date.now();
      await expect(app.client(Orders).slow(5_000, { timeout: "60ms" })).rejects.toMatchObject({
        code: "TIMEOUT",
      });
      const Absent = contract("absent", {
        version: "1.0.0",
        ask: rpc({ input: z.void(), output: z.void() }),
      });
      await expect(app.client(Absent).ask(undefined)).rejects.toMatchObject({ code: "NO_RESPONDERS" });
      expect(Date.now() - before).toBeLessThan(2_000);
      await waitFor(() => aborted.length === 1); // the deadline reached the handler too
      expect(aborted).toMatchObject([{ code: "TIMEOUT" }]);
    });

    it("aborts the handler when its caller gives up", async () => {
      const app = await start();
      const controller = new AbortController();
      const call = app.client(Orders).slow(5_000, { signal: controller.signal });
      await waitFor(async () => (await statsOf(broker.url)) > 0);
      controller.abort("enough");
      await expect(call).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
      await waitFor(() => aborted.length === 1);
      await expect(app.client(Orders).slow(1, { signal: controller.signal })).rejects.toMatchObject({
        code: "ABORTED",
      });
    });

    it("lets the deadline shrink at each hop, whatever a hop would grant", async () => {
      const app = await start();
      const left = await app.client(Orders).relay(2, { timeout: "1s" });
      expect(left).toBeLessThanOrEqual(960);
      expect(left).toBeGreaterThan(500);
    });

    it("does not start a request whose deadline passed in the queue", async () => {
      const app = await start();
      const { slow } = app.client(Orders);
      const busy = [slow(150), slow(150)]; // concurrency is 2
      const late = slow(1, { timeout: "50ms" });
      await expect(late).rejects.toMatchObject({ code: "TIMEOUT" });
      expect(await Promise.all(busy)).toEqual(["done", "done"]);
      await waitFor(() => app.health().ready);
      expect(aborted).toEqual([]); // the third was never started
    });

    it("answers within the budget while it stops, then gives up", async () => {
      const app = await start({ stopTimeout: "300ms" });
      const client = await start({ services: [] });
      const { slow } = client.client(Orders);
      const short = slow(100);
      const long = expect(slow(5_000)).rejects.toMatchObject({ code: "INTERNAL" });
      await waitFor(async () => (await statsOf(broker.url)) === 2);
      await app.stop();
      expect(await short).toBe("done");
      await long;
      await expect(slow(1)).rejects.toMatchObject({ code: "NO_RESPONDERS" });
    });
  });

  describe("an app", () => {
    it("is found and described as a NATS micro service", async () => {
      const app = await start();
      await app.client(Orders).place({ sku: "a" });
      await app.client(Orders).fail.safe("x");
      const connection = await connect({ servers: broker.url });
      const micro = connection.services.client();
      const pings = [];
      for await (const ping of await micro.ping("orders")) pings.push(ping);
      expect(pings).toMatchObject([
        { name: "orders", version: "1.2.0", type: "io.nats.micro.v1.ping_response" },
      ]);
      const infos = [];
      for await (const info of await micro.info("orders")) infos.push(info);
      const place = infos[0]?.endpoints.find(({ name }) => name === "place");
      expect(place).toMatchObject({ subject: "orders.place", queue_group: "orders" });
      expect(JSON.parse(place?.metadata?.input ?? "")).toMatchObject({ required: ["sku"] });
      const stats = [];
      for await (const stat of await micro.stats("orders")) stats.push(stat);
      const fail = stats[0]?.endpoints?.find(({ name }) => name === "fail");
      expect(fail).toMatchObject({ num_requests: 1, num_errors: 1, last_error: "INTERNAL" });
      await connection.close();
    });

    it("gives services their dependencies, runs hooks and middleware, and disposes in reverse", async () => {
      const log: string[] = [];
      const Database = token<{ readonly name: string }>("Database");
      const Quote = rpc({ input: z.string(), output: z.string() });
      @Service("pricing")
      class Pricing {
        private readonly db = inject(Database);
        onStart() {
          log.push("start");
        }
        onStop() {
          log.push("stop");
        }
        @Handler(Quote) quote(sku: string, _ctx: HandlerContext<typeof Quote>) {
          return `${sku} in ${this.db.name}`;
        }
      }
      const app = await createApp({
        services: [Pricing],
        nats: broker.url,
        logger: new RecordingLogger(),
        providers: [
          factory(Database, [], {
            use: async () => ({ name: "db" }),
            dispose: () => void log.push("database closed"),
          }),
        ],
      });
      app.use(async ({ method, input }, next) => {
        log.push(`before ${method}(${input})`);
        const result = await next();
        log.push(`after ${method}`);
        return `${result}!`;
      });
      await app.start();
      expect(await app.client(Pricing).quote("a")).toBe("a in db!");
      expect(await app.client<Pricing>("pricing").quote("b")).toBe("b in db!");
      await app.stop();
      await app.stop();
      expect(log).toEqual([
        "start",
        "before quote(a)",
        "after quote",
        "before quote(b)",
        "after quote",
        "stop",
        "database closed",
      ]);
      expect(app.health()).toMatchObject({ live: false, ready: false });
      expect(() => app.guarantees()).not.toThrow();
      await expect(app.call(Orders.place, { sku: "a" })).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    });

    it("tells what the server is good for", async () => {
      const app = await start();
      expect(app.guarantees().server.version).toMatch(/^2\./);
      expect(app.health()).toEqual({ live: true, ready: true, problems: [] });
    });

    it("that could not be started is stopped, and says why", async () => {
      const app = await createApp({
        services: [OrdersService],
        nats: "nats://127.0.0.1:1",
        logger: new RecordingLogger(),
      });
      await expect(app.start()).rejects.toMatchObject({ code: "CONNECTION_FAILED" });
      expect(app.health().live).toBe(false);
      await expect(app.start()).rejects.toMatchObject({ code: "NOT_STARTED" });
    });

    it("refuses to answer requests that a stream stores", async () => {
      const connection = await connect({ servers: broker.url });
      const manager = await connection.jetstreamManager();
      await manager.streams.add({ name: "GREEDY", subjects: ["orders.>"] });
      try {
        const app = await createApp({
          services: [OrdersService],
          nats: broker.url,
          logger: new RecordingLogger(),
        });
        await expect(app.start()).rejects.toThrow("stream GREEDY stores requests on orders.place");
      } finally {
        await manager.streams.delete("GREEDY");
        await connection.close();
      }
    });
  });
});

/** Requests the service has taken in so far. */
async function statsOf(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  try {
    for await (const stat of await connection.services.client().stats("orders")) {
      return stat.endpoints?.find(({ name }) => name === "slow")?.num_requests ?? 0;
    }
    return 0;
  } finally {
    await connection.close();
  }
}
