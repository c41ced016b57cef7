import { contract, event } from "@ganglion/core";
import type { JetStream, OrderedReadOptions, StoredMessage } from "@ganglion/core/internal";
import { noopObserver, silentLogger, VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import * as z from "zod";
import { memory } from "../stores/memory.js";
import { defineProjection, type ProjectionContext, type ProjectionInstance } from "./definition.js";
import { Follower, type FollowerOptions } from "./follower.js";
import type { Rows } from "./rows.js";

const Orders = contract("orders", {
  version: "1.0.0",
  placed: event({ data: z.object({ id: z.string() }) }),
});

type Ctx = ProjectionContext<Rows<number>>;
type Placed = { id: string };

function message(sequence: number, id: string, subject = "orders.placed"): StoredMessage {
  const data = new TextEncoder().encode(JSON.stringify({ id }));
  return {
    sequence,
    subject,
    data,
    timestampMs: sequence * 1_000,
    headers: { get: () => undefined },
  } as unknown as StoredMessage;
}

/** A stream whose messages a test hands over, and what the follower asked of it. */
async function follow(
  handler: (e: Placed, ctx: Ctx) => void | Promise<void>,
  options: Partial<FollowerOptions> = {},
) {
  const clock = new VirtualClock();
  const store = memory<number>();
  const definition = defineProjection({
    name: "summary",
    options: { store },
    handlers: [{ method: "placed", event: Orders.placed }],
  });
  const model = store.open({ projection: "summary", app: undefined as never });
  const generation = await model.begin(1);
  await model.activate(generation);
  let read: OrderedReadOptions | undefined;
  const jetstream = {
    streams: { info: () => Promise.resolve({ lastSequence: 7 }) },
    readOrdered: (_stream: string, asked: OrderedReadOptions) => {
      read = asked;
      return Promise.resolve({
        position: 0,
        pending: 0,
        caughtUp: true,
        stop: async () => {},
        closed: new Promise(() => {}),
      });
    },
  } as unknown as JetStream;
  const follower = new Follower(
    {
      definition,
      instance: { placed: handler } as ProjectionInstance,
      jetstream,
      clock,
      logger: silentLogger,
      observer: noopObserver,
    },
    (await model.writer(generation)) as never,
    { ...options, generation },
  );
  await follower.start();
  const push = (...messages: StoredMessage[]) => Promise.resolve(read?.onBatch(messages));
  return { clock, model, follower, push, asked: () => read as OrderedReadOptions };
}

it("applies a batch and moves its checkpoint with it", async () => {
  const { follower, push, model, asked } = await follow(async (e, { tx }) => {
    await tx.update(e.id, (n) => (n ?? 0) + 1);
  });
  expect(asked()).toMatchObject({ from: "all", filterSubjects: ["orders.placed"] });
  await push(message(1, "a"), message(2, "b"), message(3, "a"));
  expect(await model.list({ prefix: "", limit: 9 })).toEqual([
    { key: "a", value: 2 },
    { key: "b", value: 1 },
  ]);
  expect(follower.positions).toEqual({ "orders-events": 3 });
  expect(follower.handledCount).toBe(3);
});

it("messages nobody listens to move the checkpoint too", async () => {
  const { follower, push } = await follow(() => {});
  await push(message(1, "a"), message(2, "b", "orders.other"));
  expect(follower.positions).toEqual({ "orders-events": 2 });
  expect(follower.handledCount).toBe(1);
});

it("an event its handler fails at stops what comes behind it, and nothing before it is applied twice", async () => {
  let broken = true;
  const { follower, push, model, clock } = await follow(async (e, { tx }) => {
    await tx.update(e.id, (n) => (n ?? 0) + 1);
    if (e.id === "bad" && broken) throw new RangeError("no");
  });
  const batch = ["a", "a", "bad", "a", "b"].map((id, index) => message(index + 1, id));
  const pushed = push(...batch);
  await clock.advanceAsync(250);
  expect(follower.positions).toEqual({ "orders-events": 2 });
  expect(follower.obstacle).toMatchObject({ sequence: 3, subject: "orders.placed", error: "RangeError: no" });
  expect(await model.get("a")).toBe(2);
  expect(await model.get("bad")).toBeUndefined();
  broken = false;
  await clock.advanceAsync(60_000);
  await pushed;
  expect(follower.obstacle).toBeUndefined();
  expect(await Promise.all(["a", "bad", "b"].map((key) => model.get(key)))).toEqual([3, 1, 1]);
});

it("reached resolves with the batch that holds the sequence", async () => {
  const { follower, push } = await follow(() => {});
  const reached = follower.reached("orders-events", 2);
  await push(message(1, "a"));
  let early = true;
  void reached.then(() => {
    early = false;
  });
  await Promise.resolve();
  expect(early).toBe(true);
  await push(message(2, "a"));
  await reached;
  await follower.reached("orders-events", 1);
});

it("replays at a pace, and stop ends the wait", async () => {
  const times: number[] = [];
  const { follower, push, clock } = await follow(() => void times.push(clock.monotonicMs()), { speed: 2 });
  const pushed = push(message(1, "a"), message(2, "b"), message(60, "c"));
  await clock.advanceAsync(600);
  expect(times).toEqual([0, 500]);
  await follower.stop();
  await pushed;
  expect(follower.positions).toEqual({ "orders-events": 2 });
});

it("caught up without an event of its own, it goes on behind what it looked at", async () => {
  const { follower, asked } = await follow(() => {}, { from: { timeMs: 1 } });
  await asked().onCaughtUp?.();
  expect(follower.positions).toEqual({ "orders-events": 7 });
});

it("a writer that was fenced ends the follower", async () => {
  const { push, model } = await follow(() => {});
  const { active } = await model.state();
  await model.writer(active as never, { force: true });
  await expect(push(message(1, "a"))).rejects.toMatchObject({ code: "PROJECTION_FENCED" });
});
