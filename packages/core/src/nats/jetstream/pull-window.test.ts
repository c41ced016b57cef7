import { VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import { PullWindow } from "./pull-window.js";

describe("PullWindow", () => {
  const settle = (
    pull: PullWindow,
    clock: VirtualClock,
    { count, everyMs }: Record<"count" | "everyMs", number>,
  ) => {
    for (let settled = 0; settled < count; settled++) {
      clock.advance(everyMs);
      pull.settled();
    }
  };

  it("holds what is settled within 50 ms, between its limits", () => {
    const clock = new VirtualClock();
    const pull = new PullWindow(clock, { least: 32, most: 1_000 });
    expect(pull.size).toBe(32);
    settle(pull, clock, { count: 64, everyMs: 0.5 });
    expect(pull.size).toBe(100);
    settle(pull, clock, { count: 64, everyMs: 0.01 });
    expect(pull.size).toBe(1_000);
    settle(pull, clock, { count: 64, everyMs: 0 });
    expect(pull.size).toBe(1_000);
    settle(pull, clock, { count: 64, everyMs: 20 });
    expect(pull.size).toBe(32);
  });

  it("never changes with equal limits", () => {
    const clock = new VirtualClock();
    const pull = new PullWindow(clock, { least: 7, most: 7 });
    settle(pull, clock, { count: 200, everyMs: 0.01 });
    expect(pull.size).toBe(7);
  });
});
