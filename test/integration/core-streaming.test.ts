import { type App, contract, Handler, type HandlerContext, rpc, Service } from "@ganglion/core";
import { connectNats } from "@ganglion/core/internal";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Feed = contract("feed", {
  version: "1.0.0",
  count: rpc({
    input: z.object({ to: z.number(), failAt: z.number().optional(), silentAt: z.number().optional() }),
    output: z.object({ n: z.number() }),
    errors: { BROKEN: z.object({ at: z.number() }) },
    stream: true,
  }),
});

let made = 0;
let ended = 0;

@Service(Feed)
class FeedService {
  @Handler(Feed.count)
  async *count(
    { to, failAt, silentAt }: { to: number; failAt?: number | undefined; silentAt?: number | undefined },
    ctx: HandlerContext<typeof Feed.count>,
  ) {
    try {
      for (let n = 1; n <= to; n++) {
        if (n === failAt) throw ctx.error("BROKEN", { at: n });
        if (n === silentAt) await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        made++;
        yield { n, secret: true };
      }
    } finally {
      ended++;
    }
  }
}

describeBrokers("streams of values", (startBroker) => {
  let broker: TestBroker;
  let app: App;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    made = 0;
    ended = 0;
    app = await startApp({ services: [FeedService], nats: broker.url });
  });
  afterEach(() => app.stop());

  it("come in order, complete, and with what their schema has", async () => {
    const seen: unknown[] = [];
    for await (const value of app.client(Feed).count({ to: 500 })) seen.push(value);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => ({ n: index + 1 })));
    expect(ended).toBe(1);
    for await (const _ of app.client(Feed).count({ to: 0 })) expect.unreachable();
  });

  it("are made no faster than they are taken", async () => {
    const values = app.client(Feed).count({ to: 1_000 })[Symbol.asyncIterator]();
    expect((await values.next()).value).toEqual({ n: 1 });
    await waitFor(() => made >= 64);
    await app.client(Feed).count({ to: 1 })[Symbol.asyncIterator]().next(); // a round trip later
    expect(made).toBeLessThan(70);
    for (let n = 2; n <= 40; n++) await values.next();
    await waitFor(() => made >= 96);
    expect(made).toBeLessThan(105);
    await values.return?.();
    await waitFor(() => ended === 2);
  });

  it("end their handler when the caller leaves the loop or gives up", async () => {
    for await (const { n } of app.client(Feed).count({ to: 1_000 })) if (n === 3) break;
    await waitFor(() => ended === 1);
    const controller = new AbortController();
    const taking = (async () => {
      for await (const _ of app.client(Feed).count({ to: 5, silentAt: 3 }, { signal: controller.signal }));
    })();
    await waitFor(() => made >= 66);
    controller.abort("enough");
    await expect(taking).rejects.toMatchObject({ code: "ABORTED" });
    await waitFor(() => ended === 2);
  });

  it("end with the error of their handler, after what came before it", async () => {
    const seen: number[] = [];
    const taking = (async () => {
      for await (const { n } of app.client(Feed).count({ to: 9, failAt: 4 })) seen.push(n);
    })();
    await expect(taking).rejects.toMatchObject({ name: "ServiceError", code: "BROKEN", data: { at: 4 } });
    expect(seen).toEqual([1, 2, 3]);
  });

  it("time out when the next value does not come", async () => {
    const taking = (async () => {
      for await (const _ of app.client(Feed).count({ to: 9, silentAt: 2 }, { timeout: "80ms" }));
    })();
    await expect(taking).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  it("are called from within a method too, and end with it", async () => {
    const Sum = rpc({ input: z.number(), output: z.number(), subject: "sums.of" });
    @Service("sums")
    class Sums {
      @Handler(Sum) async of(to: number, ctx: HandlerContext<typeof Sum>) {
        let sum = 0;
        for await (const { n } of ctx.call(Feed.count, { to })) sum += n;
        return sum;
      }
    }
    await using sums = await startApp({ services: [Sums], nats: broker.url });
    expect(await sums.client(Sums).of(4)).toBe(10);
    expect(ended).toBe(1);
  });

  it("are refused where one value is waited for", async () => {
    // The compiler refuses it; JavaScript does not.
    const call = app.call.bind(app) as (endpoint: unknown, input: unknown) => Promise<unknown>;
    await expect(call(Feed.count, { to: 1 })).rejects.toMatchObject({
      code: "INVALID_DATA",
      message: expect.stringContaining("feed.count answers with many values"),
    });
  });

  it("fail when values were lost on their way", async () => {
    await app.stop();
    const transport = await connectNats({ servers: broker.url });
    transport.subscribe("feed.count", {
      queue: "feed",
      onMessage: ({ reply = "" }) => {
        for (const n of [1, 3])
          transport.publish(reply, `{"n":${n}}`, { headers: [["Ganglion-Item", String(n)]] });
      },
    });
    await transport.flush();
    app = await startApp({ nats: broker.url });
    const values = app.client(Feed).count({ to: 3 })[Symbol.asyncIterator]();
    expect((await values.next()).value).toEqual({ n: 1 });
    await expect(values.next()).rejects.toMatchObject({ code: "BAD_RESPONSE" });
    expect(await values.next()).toEqual({ done: true, value: undefined });
    await transport.close();
  });
});
