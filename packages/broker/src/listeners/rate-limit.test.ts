import { VirtualClock } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.js";

test("RateLimit allows so many events a second", () => {
  const clock = new VirtualClock();
  const limit = new RateLimit(2, clock);
  expect([limit.allow(), limit.allow(), limit.allow()]).toEqual([true, true, false]);
  clock.advance(999);
  expect(limit.allow()).toBe(false);
  clock.advance(1);
  expect([limit.allow(), limit.allow(), limit.allow()]).toEqual([true, true, false]);
});
