import { type CompensationContext, Saga, Step, type StepContext } from "@ganglion/saga";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { flowApp } from "../support/flow-app.js";

const Order = z.object({ total: z.number(), sku: z.string() });
type Order = z.output<typeof Order>;

/** What the steps of all sagas did, by saga id. */
const ledger = new Map<string, string[]>();
/** Called by steps, so that a test can hold or fail them. */
const hooks = new Map<string, (ctx: StepContext<Order>) => unknown>();

async function effect(ctx: StepContext<Order>, what: string): Promise<void> {
  ledger.set(ctx.id, [...(ledger.get(ctx.id) ?? []), what]);
  await hooks.get(`${ctx.id}:${what}`)?.(ctx);
}

@Saga("checkout", { input: Order, lease: "1s" })
class Checkout {
  @Step({ compensate: "release", retry: { attempts: 3, backoff: "exponential(20ms, 40ms)" }, timeout: "5s" })
  async reserve(ctx: StepContext<Order>) {
    await effect(ctx, "reserve");
    return { reservation: `${ctx.id}-${ctx.input.sku}` };
  }
  async release(ctx: CompensationContext<Order, Checkout, "reserve">) {
    await effect(
      ctx as never,
      `release ${ctx.results.reserve?.reservation ?? "in doubt"} (${ctx.failure.code})`,
    );
  }

  @Step({ after: ["reserve"], compensate: "refund", retry: { attempts: 1 }, timeout: "5s" })
  async charge(ctx: StepContext<Order, Checkout, "reserve">) {
    await effect(ctx, "charge");
    if (ctx.input.total < 0) throw ctx.reject("no negative amounts", { data: { total: ctx.input.total } });
    return { paid: ctx.input.total, for: ctx.results.reserve.reservation };
  }
  async refund(ctx: CompensationContext<Order>) {
    await effect(ctx as never, "refund");
  }

  @Step({ after: ["charge"], retry: { attempts: 2, backoff: "1ms" } })
  async ship(ctx: StepContext<Order, Checkout, "charge">) {
    await effect(ctx, "ship");
    return ctx.results.charge.paid;
  }
}

@Saga("approval", { input: z.object({}), lease: "1s" })
class Approval {
  @Step({ compensate: "withdraw" }) ask(ctx: StepContext<object>) {
    return effect(ctx as never, "ask");
  }
  withdraw(ctx: CompensationContext<object>) {
    return effect(ctx as never, "withdraw");
  }
  @Step({ waitFor: "approved", timeout: "400ms" }) decided(_ctx: StepContext<object>, by: { name: string }) {
    return by.name;
  }
  @Step({ waitFor: "seen", timeout: "300ms", onTimeout: "unseen" }) seen() {
    return true;
  }
  unseen() {
    return false;
  }
}

@Saga("race", { input: z.object({}), lease: "1s" })
class Parallel {
  @Step({ compensate: "undoA" }) a(ctx: StepContext<object>) {
    return effect(ctx as never, "a");
  }
  undoA(ctx: CompensationContext<object>) {
    return effect(ctx as never, "undo a");
  }
  @Step({ after: ["a"], compensate: "undoB" }) b(ctx: StepContext<object>) {
    return effect(ctx as never, "b");
  }
  undoB(ctx: CompensationContext<object>) {
    return effect(ctx as never, "undo b");
  }
  @Step({ after: ["a"] }) c(ctx: StepContext<object>) {
    return effect(ctx as never, "c");
  }
  @Step({ after: ["b", "c"] }) d(ctx: StepContext<object>) {
    return effect(ctx as never, "d");
  }
}

const SAGAS = [Checkout, Approval, Parallel];

describeBrokers("sagas", (start) => {
  beforeEach(() => {
    ledger.clear();
    hooks.clear();
  });

  it("completes, with the results of its steps", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const sagas = app.sagas(Checkout);
    await sagas.start({ id: "ok", input: { total: 5, sku: "s1" } });
    expect(await sagas.result("ok")).toEqual({
      status: "completed",
      results: { reserve: { reservation: "ok-s1" }, charge: { paid: 5, for: "ok-s1" }, ship: 5 },
    });
    expect(ledger.get("ok")).toEqual(["reserve", "charge", "ship"]);
    expect(await sagas.get("ok")).toMatchObject({ status: "completed", input: { total: 5, sku: "s1" } });
    expect((await sagas.get("ok"))?.timeline.map(({ what }) => what)).toEqual([
      "started",
      "succeeded",
      "succeeded",
      "succeeded",
      "completed",
    ]);
    expect(await sagas.list()).toMatchObject([{ id: "ok", status: "completed" }]);
    expect(await sagas.list({ status: ["stuck"] })).toEqual([]);
  });

  it("a rejected step compensates what was done, in reverse, and not itself", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    await app.sagas(Checkout).start({ id: "rejected", input: { total: -1, sku: "s" } });
    expect(await app.sagas(Checkout).result("rejected")).toMatchObject({
      status: "compensated",
      failure: {
        step: "charge",
        code: "SAGA_STEP_REJECTED",
        message: "no negative amounts",
        data: { total: -1 },
      },
    });
    expect(ledger.get("rejected")).toEqual(["reserve", "charge", "release rejected-s (SAGA_STEP_REJECTED)"]);
  });

  it("a step that fails without saying whether it happened is compensated too", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    hooks.set("doubt:charge", () => {
      throw new TypeError("connection lost");
    });
    await app.sagas(Checkout).start({ id: "doubt", input: { total: 1, sku: "s" } });
    expect(await app.sagas(Checkout).result("doubt")).toMatchObject({ status: "compensated" });
    expect(ledger.get("doubt")).toEqual(["reserve", "charge", "refund", "release doubt-s (STEP_FAILED)"]);
    expect((await app.sagas(Checkout).get("doubt"))?.steps.charge).toMatchObject({ inDoubt: true });
  });

  it("a failing step is tried again with the same key, as often as its policy says", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const seen: unknown[] = [];
    hooks.set("retry:reserve", (ctx) => {
      seen.push([ctx.key, ctx.attempt]);
      if (seen.length < 3) throw new Error("not yet");
    });
    await app.sagas(Checkout).start({ id: "retry", input: { total: 1, sku: "s" } });
    expect(await app.sagas(Checkout).result("retry")).toMatchObject({ status: "completed" });
    expect(seen).toEqual([1, 2, 3].map((attempt) => ["checkout:retry:reserve", attempt]));
  });

  it("a step that outlives its timeout is aborted and counts as in doubt", async () => {
    @Saga("slow", { input: z.object({}) })
    class Slow {
      @Step({ timeout: "50ms", retry: { attempts: 1 }, compensate: "undo" })
      work(ctx: StepContext<object>) {
        return new Promise((_, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
        );
      }
      undo(ctx: CompensationContext<object>) {
        return effect(ctx as never, "undo");
      }
    }
    await using broker = await start();
    await using app = await flowApp({ services: [Slow], url: broker.url });
    await app.sagas(Slow).start({ id: "slow", input: {} });
    expect(await app.sagas(Slow).result("slow")).toMatchObject({ failure: { code: "SAGA_STEP_TIMEOUT" } });
    expect(ledger.get("slow")).toEqual(["undo"]);
  });

  it("a signal that is there before its step waits, or comes while it waits, carries it on", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const sagas = app.sagas(Approval);
    await sagas.start({ id: "early", input: {} });
    await sagas.signal("early", "approved", { name: "ann" });
    await sagas.start({ id: "late", input: {} });
    await waitFor(async () => (await sagas.get("late"))?.status === "suspended");
    await sagas.signal("late", "approved", { name: "bob" });
    expect(await sagas.result("early")).toMatchObject({ results: { decided: "ann" } });
    expect(await sagas.result("late")).toMatchObject({ results: { decided: "bob" } });
    await expect(sagas.signal("late", "aproved")).rejects.toMatchObject({ code: "SAGA_INVALID_SIGNAL" });
  });

  it("a wait ends at its time: with onTimeout the saga goes on, without it is compensated", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const sagas = app.sagas(Approval);
    await sagas.start({ id: "silent", input: {} });
    await sagas.start({ id: "unseen", input: {} });
    await sagas.signal("unseen", "approved", { name: "ann" });
    expect(await sagas.result("unseen")).toEqual({
      status: "completed",
      results: { decided: "ann", seen: false },
    });
    expect(await sagas.result("silent")).toMatchObject({ failure: { code: "SAGA_WAIT_TIMEOUT" } });
    expect(ledger.get("silent")).toEqual(["ask", "withdraw"]);
  });

  it("steps after the same step run together, and one that fails waits for the others before it is undone", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const arrived: string[] = [];
    const both = async (name: string, id: string) => {
      arrived.push(name);
      await waitFor(() => arrived.length === 2, { what: `both steps of ${id}` });
    };
    hooks.set("fork:b", () => both("b", "fork"));
    hooks.set("fork:c", () => both("c", "fork"));
    await app.sagas(Parallel).start({ id: "fork", input: {} });
    expect(await app.sagas(Parallel).result("fork")).toMatchObject({ status: "completed" });
    expect(ledger.get("fork")?.at(-1)).toBe("d");

    hooks.set("broken:c", (ctx) => Promise.reject(ctx.reject("no")));
    hooks.set("broken:b", (ctx) => waitFor(() => ledger.get(ctx.id)?.includes("c")));
    await app.sagas(Parallel).start({ id: "broken", input: {} });
    expect(await app.sagas(Parallel).result("broken")).toMatchObject({ status: "compensated" });
    expect(ledger.get("broken")?.slice(-2)).toEqual(["undo b", "undo a"]);
  });

  it("start is idempotent, refuses wrong input, and takes any id", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const sagas = app.sagas(Checkout);
    const id = "order 7/ü.*>";
    await Promise.all([1, 2, 3].map((total) => sagas.start({ id, input: { total, sku: "s" } })));
    expect(await sagas.result(id)).toMatchObject({ status: "completed" });
    await sagas.start({ id, input: { total: 9, sku: "s" } });
    expect(ledger.get(id)).toEqual(["reserve", "charge", "ship"]);
    expect(await sagas.list()).toMatchObject([{ id }]);
    await expect(sagas.start({ id: "x", input: { total: "1", sku: "s" } as never })).rejects.toMatchObject({
      code: "SAGA_INVALID_INPUT",
      details: { issues: [{ path: "total" }] },
    });
    await expect(sagas.result("nobody", { timeout: "50ms" })).rejects.toMatchObject({
      code: "SAGA_NOT_FOUND",
    });
  });

  it("cancel compensates, terminate does not, and a stuck saga can be retried", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: SAGAS, url: broker.url });
    const sagas = app.sagas(Checkout);
    const gates = new Map<string, () => void>();
    for (const id of ["cancelled", "terminated"]) {
      hooks.set(`${id}:charge`, () => new Promise<void>((open) => gates.set(id, open)));
      await sagas.start({ id, input: { total: 1, sku: "s" } });
      await waitFor(() => gates.has(id));
    }
    await sagas.cancel("cancelled", "changed my mind");
    await sagas.terminate("terminated", "enough");
    expect(await sagas.result("terminated")).toMatchObject({ status: "terminated" });
    gates.get("cancelled")?.();
    expect(await sagas.result("cancelled")).toMatchObject({
      failure: { code: "CANCELLED", message: "changed my mind" },
    });
    expect(ledger.get("cancelled")).toEqual([
      "reserve",
      "charge",
      "refund",
      "release cancelled-s (CANCELLED)",
    ]);
    expect(ledger.get("terminated")).toEqual(["reserve", "charge"]);

    @Saga("stubborn", { input: z.object({}) })
    class Stubborn {
      @Step({ pivot: true }) point() {}
      @Step({ retry: { attempts: 1 } }) after(ctx: StepContext<object>) {
        return effect(ctx as never, "after");
      }
    }
    await using other = await flowApp({ services: [Stubborn], url: broker.url });
    const stubborn = other.sagas(Stubborn);
    let broken = true;
    hooks.set("past:after", () => {
      if (broken) throw new Error("no");
    });
    await stubborn.start({ id: "past", input: {} });
    await waitFor(async () => (await stubborn.get("past"))?.status === "stuck");
    await expect(stubborn.result("past", { timeout: "10ms" })).rejects.toMatchObject({
      code: "SAGA_RESULT_TIMEOUT",
      details: { status: "stuck" },
    });
    broken = false;
    await stubborn.retry("past");
    expect(await stubborn.result("past")).toMatchObject({ status: "completed" });
  });
});
