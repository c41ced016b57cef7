import { contract, event } from "@ganglion/core";
import type { Transport } from "@ganglion/core/internal";
import { type CompensationContext, Saga, Step, type StepContext } from "@ganglion/saga";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { beforeEach, expect, it } from "vitest";
import * as z from "zod";
import { flowApp } from "../support/flow-app.js";

const Delivery = contract("delivery", {
  version: "1.0.0",
  confirmed: event({ data: z.object({ orderId: z.string(), by: z.string() }), key: (e) => e.orderId }),
});
const calls: string[] = [];
const hooks = new Map<string, (ctx: StepContext<object>) => unknown>();

async function effect(ctx: StepContext<object>): Promise<void> {
  calls.push(ctx.key);
  await hooks.get(ctx.key)?.(ctx);
}

@Saga("work", { input: z.object({}), lease: "500ms", retention: "1s" })
class Work {
  @Step({ compensate: "undo" }) first(ctx: StepContext<object>) {
    return effect(ctx);
  }
  undo(ctx: CompensationContext<object>) {
    return effect(ctx as never);
  }
  @Step() second(ctx: StepContext<object>) {
    return effect(ctx);
  }
}

@Saga("parcel", { input: z.object({}), lease: "500ms" })
class Parcel {
  @Step({ waitFor: Delivery.confirmed, timeout: "10s" }) delivered(
    _ctx: StepContext<object>,
    e: { orderId: string; by: string },
  ) {
    return e.by;
  }
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const confirm = ({ jetstream }: Transport, orderId: string) =>
  jetstream.append("delivery.confirmed", encode({ orderId, by: "bike" }));
const keysOf = (id: string) =>
  calls.filter((key) => key.startsWith(`work:${id}:`)).map((key) => key.slice(`work:${id}:`.length));

describeBrokers("saga workers", (start) => {
  beforeEach(() => {
    calls.length = 0;
    hooks.clear();
  });

  it("many workers share the sagas, and none is run twice", async () => {
    await using broker = await start();
    await using one = await flowApp({ services: [Work], url: broker.url });
    await using two = await flowApp({ services: [Work], url: broker.url });
    const ids = Array.from({ length: 60 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id) => one.sagas(Work).start({ id, input: {} })));
    const results = await Promise.all(ids.map((id) => two.sagas(Work).result(id)));
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["completed"]));
    expect(calls.length).toBe(2 * ids.length);
    expect(new Set(calls).size).toBe(calls.length);
  });

  it("two workers that get the start of one saga at the same time: one wins the journal", async () => {
    await using broker = await start();
    await using one = await flowApp({ services: [Work], url: broker.url });
    await using _two = await flowApp({ services: [Work], url: broker.url });
    // Without message ids both triggers are stored, as after the duplicate window.
    const body = encode({ kind: "start", input: {}, trace: {} });
    for (let index = 0; index < 20; index++) {
      await Promise.all(
        [1, 2].map(() => one.transport.jetstream.append(`trg.work.start.race-${index}`, body)),
      );
    }
    for (let index = 0; index < 20; index++) {
      expect(await one.sagas(Work).result(`race-${index}`)).toMatchObject({ status: "completed" });
      expect(keysOf(`race-${index}`)).toEqual(["first", "second"]);
    }
  });

  it("a worker that stops in the middle of a step hands its saga on at once", async () => {
    await using broker = await start();
    const leaving = await flowApp({ services: [Work], url: broker.url });
    hooks.set(
      "work:handed:first",
      (ctx) => new Promise((_, reject) => ctx.signal.addEventListener("abort", reject)),
    );
    await leaving.sagas(Work).start({ id: "handed", input: {} });
    await waitFor(() => keysOf("handed").length === 1);
    hooks.clear();
    await leaving.stop();
    await using staying = await flowApp({ services: [Work], url: broker.url });
    expect(await staying.sagas(Work).result("handed")).toMatchObject({ status: "completed" });
    expect(keysOf("handed")).toEqual(["first", "first", "second"]);
    expect((await staying.sagas(Work).get("handed"))?.timeline.map(({ what }) => what)).toContain(
      "interrupted",
    );
  });

  it("a worker that stops lets the running step end, and the next goes on behind it", async () => {
    await using broker = await start();
    const leaving = await flowApp({ services: [Work], url: broker.url, stopTimeout: 5_000 });
    let open: () => void = () => {};
    hooks.set(
      "work:drained:first",
      () =>
        new Promise<void>((resolve) => {
          open = resolve;
        }),
    );
    await leaving.sagas(Work).start({ id: "drained", input: {} });
    await waitFor(() => keysOf("drained").length === 1);
    const stopped = leaving.stop();
    open();
    await stopped;
    expect(keysOf("drained")).toEqual(["first"]);
    await using staying = await flowApp({ services: [Work], url: broker.url });
    expect(await staying.sagas(Work).result("drained")).toMatchObject({ status: "completed" });
    expect(keysOf("drained")).toEqual(["first", "second"]);
  });

  it("a worker that vanishes loses its sagas after the lease, and cannot write them any more", async () => {
    await using broker = await start();
    const lost = await flowApp({ services: [Work], url: broker.url });
    let open: () => void = () => {};
    hooks.set(
      "work:vanished:first",
      () =>
        new Promise<void>((resolve) => {
          open = resolve;
        }),
    );
    await lost.sagas(Work).start({ id: "vanished", input: {} });
    await waitFor(() => keysOf("vanished").length === 1);
    hooks.clear();
    await lost.transport.close();
    await using other = await flowApp({ services: [Work], url: broker.url });
    expect(await other.sagas(Work).result("vanished", { timeout: "10s" })).toMatchObject({
      status: "completed",
    });
    expect(keysOf("vanished")).toEqual(["first", "first", "second"]);
    open();
    await lost.stop();
  });

  it("an event goes to the saga it belongs to, through the stream of its owner", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [Parcel], url: broker.url });
    await app.sagas(Parcel).start({ id: "p1", input: {} });
    await confirm(app.transport, "somebody-else");
    await confirm(app.transport, "p1");
    expect(await app.sagas(Parcel).result("p1")).toEqual({
      status: "completed",
      results: { delivered: "bike" },
    });
    expect(await app.sagas(Parcel).get("somebody-else")).toBeUndefined();
  });

  it("the sweeper wakes a saga whose trigger is gone, and starts one whose entry is gone", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [Work], url: broker.url });
    const sagas = app.sagas(Work);
    const { jetstream } = app.transport;
    await sagas.start({ id: "lost-entry", input: {} });
    await sagas.result("lost-entry");
    await jetstream.streams.purge("SAGA-JOURNAL", { subject: "saga.work.lost-entry" });
    const idle = {
      ...{
        format: 1,
        nonce: "gone.1",
        owner: "gone",
        atMs: Date.now(),
        saga: "work",
        id: "idle",
        version: 1,
      },
      ...{
        hash: "",
        status: "running",
        input: {},
        startedAtMs: Date.now(),
        trace: {},
        ended: [],
        signals: [],
      },
      ...{ applied: [], takeovers: 0, timeline: [], steps: { first: { state: "running" } } },
    };
    const headers = [["Saga-Status", "running"]] as const;
    await jetstream.append("saga.work.idle", encode(idle), { headers });
    expect(await sagas.result("idle", { timeout: "15s" })).toMatchObject({ status: "completed" });
    await waitFor(() => keysOf("lost-entry").length === 4, { timeoutMs: 10_000 });
  });

  it("the sweeper removes what is not needed any more", async () => {
    await using broker = await start();
    await using app = await flowApp({ services: [Work], url: broker.url });
    const { streams } = app.transport.jetstream;
    let open: () => void = () => {};
    hooks.set(
      "work:open:first",
      () =>
        new Promise<void>((resolve) => {
          open = resolve;
        }),
    );
    await app.sagas(Work).start({ id: "before", input: {} });
    await app.sagas(Work).result("before");
    await app.sagas(Work).start({ id: "open", input: {} });
    await app.sagas(Work).start({ id: "after", input: {} });
    await app.sagas(Work).result("after");
    await waitFor(async () => (await app.sagas(Work).list()).length === 1, { timeoutMs: 10_000 });
    expect((await app.sagas(Work).list())[0]).toMatchObject({ id: "open", status: "running" });
    open();
    await app.sagas(Work).result("open");
    const left = async () => (await streams.info("SAGA-TRIGGERS", { subjectsFilter: ">" }))?.subjects;
    await waitFor(async () => Object.keys((await left()) ?? {}).join() === "tmr.work.sweep", {
      timeoutMs: 10_000,
    });
  });
});
