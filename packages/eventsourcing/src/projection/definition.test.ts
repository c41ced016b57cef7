import { contract, event } from "@ganglion/core";
import { isGanglionError } from "@ganglion/kernel";
import { expect, it } from "vitest";
import * as z from "zod";
import { memory } from "../stores/memory.js";
import { defineProjection, type RecordedHandler } from "./definition.js";

const Orders = contract("orders", {
  version: "1.0.0",
  placed: event({ data: z.object({ id: z.string() }) }),
  shipped: event({ data: z.object({ id: z.string() }) }),
  seen: event({ data: z.object({ id: z.string() }), durable: false }),
});
const Payments = contract(
  "payments",
  { version: "1.0.0", captured: event({ data: z.object({ id: z.string() }) }) },
  { events: { name: "PAYMENTS" } },
);

function define(handlers: readonly RecordedHandler[], options = {}) {
  return defineProjection({ name: "summary", options: { store: memory(), ...options }, handlers });
}

it("sources group the events by the stream of their owner", () => {
  const { sources, version } = define([
    { method: "a", event: Orders.placed },
    { method: "b", event: Payments.captured },
    { method: "c", event: Orders.shipped },
  ]);
  expect(version).toBe(1);
  expect(sources.map(({ stream, handlers }) => [stream, handlers.map((handler) => handler.method)])).toEqual([
    ["orders-events", ["a", "c"]],
    ["PAYMENTS", ["b"]],
  ]);
});

it("every fault is reported at once", () => {
  try {
    defineProjection({
      name: "sum mary",
      options: { store: undefined as never, version: 0 },
      handlers: [
        { method: "a", event: event({ data: z.string() }) },
        { method: "b", event: Orders.seen },
        { method: "c", event: Orders.placed },
        { method: "d", event: Orders.placed },
      ],
    });
    expect.unreachable();
  } catch (error) {
    expect(isGanglionError(error, "PROJECTION_INVALID_DEFINITION") && error.details.faults).toEqual([
      'the name "sum mary" must match ^[A-Za-z0-9_-]+$',
      "version 0 must be an integer ≥ 1",
      "it has no store, such as memory() or kv()",
      "a listens to an event, which belongs to no contract",
      "b listens to seen, which is not durable: it is stored nowhere",
      "c and d listen to the same event placed",
    ]);
  }
});

it("a class without handlers is refused", () => {
  expect(() => define([])).toThrow(/no method with @On/);
});
