import type { StoredMessage } from "@ganglion/core/internal";
import { VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import { Pace } from "./pace.js";

const at = (timestampMs: number) => ({ timestampMs }) as StoredMessage;
const EVENTS = [at(5_000), at(5_100), at(6_000)];

it("max: everything is due at once", () => {
  expect(new Pace("max", new VirtualClock()).due(EVENTS)).toBe(3);
});

it("original: events keep their gaps in time", () => {
  const clock = new VirtualClock();
  const pace = new Pace("original", clock);
  expect(pace.due(EVENTS)).toBe(1);
  expect(pace.waitMs(at(6_000))).toBe(1_000);
  clock.advance(100);
  expect(pace.due(EVENTS)).toBe(2);
  clock.advance(900);
  expect(pace.due(EVENTS)).toBe(3);
});

it("a factor makes the gaps that many times shorter", () => {
  const pace = new Pace(10, new VirtualClock());
  expect(pace.due(EVENTS)).toBe(1);
  expect(pace.waitMs(at(6_000))).toBe(100);
});
