import {
  type App,
  cache,
  circuitBreaker,
  contract,
  fallback,
  Handler,
  type HandlerContext,
  type In,
  rateLimit,
  retry,
  rpc,
  Service,
  timeout,
  Use,
} from "@ganglion/core";
import type { TestBroker } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Prices = contract("prices", {
  version: "1.0.0",
  get: rpc({ input: z.string(), output: z.number(), idempotent: true, timeout: "5s" }),
  slowOnce: rpc({ input: z.string(), output: z.string(), idempotent: true, timeout: "5s" }),
  limited: rpc({ input: z.string(), output: z.string() }),
  relay: rpc({ input: z.string(), output: z.string() }),
});

const keys = new Map<string, string[]>();
let answers = 0;

/** A class of its own for each broker: policies of its methods count for the class. */
function pricesService() {
  @Service(Prices)
  class PricesService {
    @Handler(Prices.get)
    get(_sku: In<typeof Prices.get>) {
      return ++answers;
    }
    @Handler(Prices.slowOnce)
    async slowOnce(name: In<typeof Prices.slowOnce>, ctx: HandlerContext<typeof Prices.slowOnce>) {
      const attempts = [...(keys.get(name) ?? []), ctx.idempotencyKey];
      keys.set(name, attempts);
      // The first attempt never answers in time; it ends with its deadline.
      if (attempts.length === 1) {
        await new Promise((_, reject) => ctx.signal.addEventListener("abort", reject, { once: true }));
      }
      return `attempt ${attempts.length}`;
    }
    @Use(rateLimit({ limit: 1, per: "1h" }))
    @Handler(Prices.limited)
    limited(name: In<typeof Prices.limited>) {
      return name;
    }
    @Handler(Prices.relay)
    relay(name: In<typeof Prices.relay>, ctx: HandlerContext<typeof Prices.relay>) {
      return ctx.call(Prices.limited, name);
    }
  }
  return PricesService;
}

describeBrokers("policies", (start) => {
  let broker: TestBroker;
  let app: App;

  beforeAll(async () => {
    broker = await start();
    app = await startApp({ services: [pricesService()], nats: broker.url });
  });

  afterAll(async () => {
    await app.stop();
    await broker.close();
  });

  it("an attempt that takes too long is followed by another, with the same idempotency key", async () => {
    const client = app.client(Prices, { use: [retry({ backoff: "10ms" }), timeout("300ms")] });
    const name = `slow-${broker.url}`;
    expect(await client.slowOnce(name)).toBe("attempt 2");
    const [first, second] = keys.get(name) ?? [];
    expect(first).toBeDefined();
    expect(second).toBe(first);
  });

  it("a client remembers what it was told", async () => {
    const client = app.client(Prices, { use: [cache({ ttl: "1m" })] });
    const value = await client.get("a");
    expect(await client.get("a")).toBe(value);
    expect(await app.client(Prices).get("a")).not.toBe(value);
  });

  it("a service that nobody runs is not called for a while, and something else stands in", async () => {
    const Absent = contract("absent", {
      version: "1.0.0",
      get: rpc({ input: z.string(), output: z.string() }),
    });
    const breaker = circuitBreaker({ minRequests: 2 });
    const client = app.client(Absent, { use: [breaker] });
    const code = async () => {
      const result = await client.get.safe("a");
      return result.ok ? "ok" : result.error.code;
    };
    expect([await code(), await code(), await code()]).toEqual([
      "NO_RESPONDERS",
      "NO_RESPONDERS",
      "CIRCUIT_OPEN",
    ]);
    const calm = app.client(Absent, { use: [fallback(() => "nothing"), breaker] });
    expect(await calm.get("a")).toBe("nothing");
  });

  it("what a policy of a service refuses, its caller is told; what it calls in turn is its own matter", async () => {
    const client = app.client(Prices);
    expect(await client.limited("a")).toBe("a");
    const refused = await client.limited.safe("b");
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "RATE_LIMITED", retryable: true, data: { retryAfterMs: expect.any(Number) } },
    });
    const relayed = await client.relay.safe("c");
    expect(relayed).toMatchObject({ ok: false, error: { code: "INTERNAL", retryable: true } });
  });

  it("a client has a time of its own for calls that name none", async () => {
    const client = app.client(Prices, { timeout: "50ms" });
    const result = await client.slowOnce.safe(`never-${broker.url}`);
    expect(result).toMatchObject({ ok: false, error: { code: "TIMEOUT" } });
  });
});
