import { VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import { Deadlines, Expiring } from "./deadlines.js";

class Probe extends Expiring {
  expiredAtMs: number | undefined;
  constructor(
    private readonly clock: VirtualClock,
    private readonly then: () => void = () => {},
  ) {
    super();
  }
  expire(): void {
    expect(this.expiredAtMs).toBeUndefined();
    this.expiredAtMs = this.clock.monotonicMs();
    this.then();
  }
}

it("Deadlines expires entries never early and at most a tick late, and removed ones never", () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  let state = 42;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
  const entries: { probe: Probe; dueMs: number; removed: boolean }[] = [];
  for (let step = 0; step < 2_000; step++) {
    const timeoutMs = random(500);
    const entry = { probe: new Probe(clock), dueMs: clock.monotonicMs() + timeoutMs, removed: false };
    deadlines.add(entry.probe, timeoutMs);
    entries.push(entry);
    const victim = entries[random(entries.length)];
    if (victim !== undefined && random(3) === 0 && victim.probe.expiredAtMs === undefined) {
      deadlines.remove(victim.probe);
      victim.removed = true;
    }
    clock.advance(random(4));
  }
  clock.advance(1_000);
  for (const { probe, dueMs, removed } of entries) {
    if (removed) {
      expect(probe.expiredAtMs).toBeUndefined();
    } else {
      expect(probe.expiredAtMs).toBeGreaterThanOrEqual(dueMs);
      expect(probe.expiredAtMs).toBeLessThanOrEqual(dueMs + 8);
    }
  }
  expect(clock.timerCount).toBe(0);
});

it("Deadlines takes additions and moves while entries expire", () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const second = new Probe(clock);
  const third = new Probe(clock);
  const first = new Probe(clock, () => {
    deadlines.add(second, 0);
    deadlines.add(third, 100);
  });
  deadlines.add(third, 10);
  deadlines.add(first, 10);
  clock.advance(60);
  expect(second.expiredAtMs).toBeDefined();
  expect(third.expiredAtMs).toBeUndefined();
  clock.advance(60);
  expect(third.expiredAtMs).toBeGreaterThanOrEqual(110);
});
