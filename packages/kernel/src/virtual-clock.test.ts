import { describe, expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.js";

describe("VirtualClock", () => {
  it("fires timers in order of due time, then of creation, each at its own time", () => {
    const clock = new VirtualClock();
    const fired: [string, number][] = [];
    const note = (name: string) => () => fired.push([name, clock.monotonicMs()]);
    clock.schedule(20, note("late"));
    clock.schedule(10, note("first"));
    clock.schedule(10, note("second"));
    clock.schedule(31, note("never"));
    clock.advance(30);
    expect(fired).toEqual([
      ["first", 10],
      ["second", 10],
      ["late", 20],
    ]);
    expect(clock.timerCount).toBe(1);
  });

  it("fires timers that a timer schedules within the same advance", () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = () => {
      ticks++;
      clock.schedule(10, tick);
    };
    clock.schedule(10, tick);
    clock.advance(55);
    expect(ticks).toBe(5);
  });

  it("does not fire a cancelled timer", () => {
    const clock = new VirtualClock();
    let fired = false;
    clock.schedule(1, () => (fired = true)).cancel();
    clock.advance(10);
    expect(fired).toBe(false);
  });

  it("jumps the wall clock without touching durations", () => {
    const clock = new VirtualClock(1_000);
    clock.jump(-500);
    clock.advance(5);
    expect([clock.nowMs(), clock.nowUs(), clock.monotonicMs()]).toEqual([505, 505_000, 5]);
  });

  it("lets promises settle between timers when advanced asynchronously", async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.schedule(1, () => void Promise.resolve().then(() => order.push("after first")));
    clock.schedule(2, () => order.push("second"));
    await clock.advanceAsync(5);
    expect(order).toEqual(["after first", "second"]);
  });
});
