import {
  contract,
  type EventContext,
  event,
  Handler,
  type HandlerContext,
  type In,
  rpc,
  Service,
  Subscriber,
  type TaskContext,
  task,
  Worker,
} from "@ganglion/core";
import { type CompensationContext, Saga, Step, type StepContext } from "@ganglion/saga";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { flowApp } from "../support/flow-app.js";

const Stock = contract("stock", {
  version: "1.0.0",
  reserve: rpc({
    input: z.object({ sku: z.string() }),
    output: z.object({ shelf: z.number() }),
    errors: { OUT_OF_STOCK: z.object({ sku: z.string() }) },
    timeout: "300ms",
  }),
  release: rpc({ input: z.object({ sku: z.string() }), output: z.void() }),
  reserved: event({ data: z.object({ id: z.string() }), key: (e) => e.id }),
  pack: task({ data: z.object({ id: z.string() }) }),
});

/** What the services did: `<what> <idempotency key or message id>`. */
const done: string[] = [];
/** By sku: what the stock does instead of answering. */
const moods = new Map<string, (ctx: HandlerContext<typeof Stock.reserve>) => unknown>();

@Service(Stock)
class StockService {
  @Handler(Stock.reserve)
  async reserve({ sku }: In<typeof Stock.reserve>, ctx: HandlerContext<typeof Stock.reserve>) {
    done.push(`reserve ${ctx.idempotencyKey}`);
    await moods.get(sku)?.(ctx);
    return { shelf: 7 };
  }
  @Handler(Stock.release)
  release(_input: In<typeof Stock.release>, ctx: HandlerContext<typeof Stock.release>) {
    done.push(`release ${ctx.idempotencyKey}`);
  }
  @Subscriber(Stock.reserved)
  onReserved(e: { id: string }, ctx: EventContext) {
    done.push(`event ${e.id} ${ctx.id}`);
  }
  @Worker(Stock.pack)
  pack(e: { id: string }, ctx: TaskContext) {
    done.push(`task ${e.id} ${ctx.id}`);
  }
}

const Input = z.object({ sku: z.string() });
type Input = z.output<typeof Input>;

@Saga("order", { input: Input, lease: "1s" })
class Order {
  @Step({ compensate: "release", retry: { attempts: 2, backoff: "10ms" } })
  async reserve(ctx: StepContext<Input>) {
    const { shelf } = await ctx.call(Stock.reserve, { sku: ctx.input.sku });
    return shelf;
  }
  release(ctx: CompensationContext<Input>) {
    return ctx.call(Stock.release, { sku: ctx.input.sku });
  }
  @Step({ retry: { attempts: 3, backoff: "10ms" } })
  async announce(ctx: StepContext<Input>) {
    await ctx.emit(Stock.reserved, { id: ctx.id });
    await ctx.enqueue(Stock.pack, { id: ctx.id });
    if (ctx.attempt < 3) throw new Error("after its effects");
  }
  @Step({ waitFor: Stock.reserved, timeout: "5s" })
  heard(_ctx: StepContext<Input>, e: { id: string }) {
    return e.id;
  }
}

const of = (id: string) => done.filter((line) => line.includes(`:${id}:`));

describeBrokers("sagas and their participants", (start) => {
  beforeEach(() => {
    done.length = 0;
    moods.clear();
  });

  it("calls, events and tasks carry the step's key: a step that runs again does nothing twice", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [StockService, Order], url: broker.url });
    await app.sagas(Order).start({ id: "o1", input: { sku: "a" } });
    expect(await app.sagas(Order).result("o1")).toMatchObject({
      status: "completed",
      results: { reserve: 7, heard: "o1" },
    });
    await waitFor(() => of("o1").length === 3);
    expect(of("o1").sort()).toEqual([
      "event o1 order:o1:announce:stock.reserved",
      "reserve order:o1:reserve",
      "task o1 order:o1:announce:stock.pack",
    ]);
  });

  it("an error the participant declares is definite: its step is not compensated", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [StockService, Order], url: broker.url });
    moods.set("gone", (ctx) => {
      throw ctx.error("OUT_OF_STOCK", { sku: "gone" });
    });
    await app.sagas(Order).start({ id: "o2", input: { sku: "gone" } });
    expect(await app.sagas(Order).result("o2")).toMatchObject({
      status: "compensated",
      failure: { step: "reserve", code: "OUT_OF_STOCK", data: { sku: "gone" } },
    });
    expect(of("o2")).toEqual(["reserve order:o2:reserve"]);
  });

  it("a participant that does not answer leaves its step in doubt: it is compensated", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [StockService, Order], url: broker.url });
    moods.set("slow", (ctx) => {
      const answered = (resolve: () => void) => setTimeout(resolve, 200); // when nobody waits any more
      return new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => answered(resolve)));
    });
    await app.sagas(Order).start({ id: "o3", input: { sku: "slow" } });
    expect(await app.sagas(Order).result("o3")).toMatchObject({
      status: "compensated",
      failure: { step: "reserve", code: "TIMEOUT" },
    });
    expect(of("o3")).toEqual([
      "reserve order:o3:reserve",
      "reserve order:o3:reserve",
      "release order:o3:reserve:compensate",
    ]);
  });

  it("a participant that fails without saying why leaves its step in doubt, one that is absent does not", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [StockService, Order], url: broker.url });
    moods.set("broken", () => {
      throw new TypeError("internals");
    });
    await app.sagas(Order).start({ id: "o4", input: { sku: "broken" } });
    expect(await app.sagas(Order).result("o4")).toMatchObject({ failure: { code: "INTERNAL" } });
    expect(of("o4").at(-1)).toBe("release order:o4:reserve:compensate");

    await app.stop();
    await using alone = await flowApp({ services: [Order], url: broker.url });
    await alone.sagas(Order).start({ id: "o5", input: { sku: "a" } });
    expect(await alone.sagas(Order).result("o5")).toMatchObject({
      status: "compensated",
      failure: { code: "NO_RESPONDERS" },
    });
    expect((await alone.sagas(Order).get("o5"))?.steps.reserve?.inDoubt).toBe(false);
  });
});
