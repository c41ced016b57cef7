import { contract, type Effects, event, rpc, ServiceError, task } from "@ganglion/core";
import { GanglionError, silentLogger, VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { StepContext } from "./context.js";
import { defineSaga } from "./definition.js";
import { LazyAbort } from "./lazy-abort.js";
import { classBody } from "./step-body.js";
import type { Attempt } from "./step-runner.js";

const Shop = contract("shop", {
  version: "1.0.0",
  reserve: rpc({ input: z.string(), output: z.string() }),
  release: rpc({ input: z.string(), output: z.string() }),
  sold: event({ data: z.string() }),
  pack: task({ data: z.string() }),
});

const definition = defineSaga({
  name: "checkout",
  options: { input: z.object({ total: z.number() }) },
  steps: [{ name: "work", options: {} }],
  hasMethod: () => true,
});

type Call = readonly [what: string, options: { idempotencyKey?: string; id?: string; timeout?: number }];

/** Runs a step's method, with a participant that answers what `answer` says. */
async function run(
  work: (ctx: StepContext<{ total: number }>) => unknown,
  answer: () => unknown = () => "ok",
) {
  const calls: Call[] = [];
  const effect = async (endpoint: { name: string }, _data: unknown, options: Call[1]) => {
    calls.push([endpoint.name, options]);
    return answer();
  };
  const effects = { call: effect, emit: effect, enqueue: effect, publish: effect } as unknown as Effects;
  const clock = new VirtualClock();
  const body = classBody({ definition, instance: { work }, effects, clock, logger: silentLogger });
  const attempt: Attempt = {
    ...{ saga: "checkout", id: "o1", step: "work", method: "work", key: "checkout:o1:work", attempt: 1 },
    ...{ compensation: false, input: { total: 3 }, results: {}, event: undefined, limit: new LazyAbort() },
    ...{ failure: { step: "", code: "", message: "" }, deadlineMs: clock.monotonicMs() + 500 },
  };
  try {
    return { calls, result: await body.invoke(attempt) };
  } catch (error) {
    return { calls, error, failure: body.classify(error) };
  }
}

it("calls carry the step's key, the time that is left and its signal", async () => {
  const { calls } = await run(async (ctx) => {
    await ctx.call(Shop.reserve, "a");
    await ctx.call(Shop.release, "a");
  });
  expect(calls).toMatchObject([
    ["reserve", { idempotencyKey: "checkout:o1:work", timeout: 500 }],
    ["release", { idempotencyKey: "checkout:o1:work", timeout: 500 }],
  ]);
});

it("a second call of one endpoint has a key of its own, the same in every attempt", async () => {
  const twice = async (ctx: StepContext<{ total: number }>) => {
    for (const item of ["a", "b"]) await ctx.call(Shop.reserve, item);
  };
  const keys = (await run(twice)).calls.map(([, options]) => options.idempotencyKey);
  expect(keys).toEqual(["checkout:o1:work", "checkout:o1:work:2"]);
  expect((await run(twice)).calls.map(([, options]) => options.idempotencyKey)).toEqual(keys);
});

it("events and tasks have ids of the step's key", async () => {
  const { calls } = await run(async (ctx) => {
    await ctx.emit(Shop.sold, "a");
    await ctx.emit(Shop.sold, "b");
    await ctx.enqueue(Shop.pack, "a");
  });
  expect(calls.map(([, options]) => options.id)).toEqual([
    "checkout:o1:work:shop.sold",
    "checkout:o1:work:shop.sold:2",
    "checkout:o1:work:shop.pack",
  ]);
});

describe("what a failure says about the step", () => {
  const declared = new ServiceError("OUT_OF_STOCK", "none left", { data: {} });
  const call = (ctx: StepContext<{ total: number }>) => ctx.call(Shop.reserve, "a");
  const failing = (error: unknown) => run(call, () => Promise.reject(error));

  it("an error the participant declares, and a refusal: no effect, no retry", async () => {
    expect((await failing(declared)).failure).toEqual({ definite: true, retryable: false });
    expect((await run((ctx) => Promise.reject(ctx.reject("no")))).failure).toEqual({
      definite: true,
      retryable: false,
    });
  });

  it.each(["BAD_REQUEST", "INVALID_DATA", "VERSION_MISMATCH"])("%s: no effect, no retry", async (code) => {
    expect((await failing(new GanglionError(code, "no"))).failure).toEqual({
      definite: true,
      retryable: false,
    });
  });

  it.each(["NO_RESPONDERS"])("%s: no effect, and a retry may help", async (code) => {
    expect((await failing(new GanglionError(code, "no"))).failure).toEqual({
      definite: true,
      retryable: true,
    });
  });

  it.each(["TIMEOUT", "INTERNAL", "CONNECTION_CLOSED", "UNKNOWN_OUTCOME"])("%s: in doubt", async (code) => {
    expect((await failing(new GanglionError(code, "?"))).failure).toEqual({
      definite: false,
      retryable: true,
    });
  });

  it("any other exception: in doubt", async () => {
    expect((await failing(new TypeError("x"))).failure).toEqual({ definite: false, retryable: true });
    expect((await failing("thrown text")).failure).toEqual({ definite: false, retryable: true });
  });

  it("a refusal after something was done is in doubt", async () => {
    const { failure } = await run(async (ctx) => {
      await ctx.call(Shop.reserve, "a");
      throw ctx.reject("too late");
    });
    expect(failure).toEqual({ definite: false, retryable: false });
  });

  it("a refusal after a call nobody answered is in doubt, after one that was refused it is not", async () => {
    const after = (error: unknown) =>
      run(
        async (ctx) => {
          await ctx.call(Shop.reserve, "a").catch(() => {});
          throw ctx.reject("no");
        },
        () => Promise.reject(error),
      );
    expect((await after(new GanglionError("TIMEOUT", "?"))).failure?.definite).toBe(false);
    expect((await after(declared)).failure?.definite).toBe(true);
  });
});
