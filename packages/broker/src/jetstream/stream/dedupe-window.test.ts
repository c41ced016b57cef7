import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DedupeWindow } from "./dedupe-window.js";

describe("DedupeWindow", () => {
  it("agrees with a list of everything ever added", () => {
    const step = fc.record({
      id: fc.constantFrom("a", "b", "c", "d"),
      wait: fc.nat(6),
      takeBack: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const window = new DedupeWindow(10);
        let naive: { id: string; sequence: number; at: number }[] = [];
        let now = 0;
        let sequence = 0;
        for (const { id, wait, takeBack } of steps) {
          now += wait;
          const known = naive.findLast((seen) => seen.id === id && now - seen.at < 10)?.sequence;
          expect(window.find(id, now)).toBe(known);
          if (known !== undefined) continue;
          window.add(id, ++sequence, now);
          naive.push({ id, sequence, at: now });
          if (!takeBack) continue;
          window.takeBack(sequence);
          naive = naive.filter((seen) => seen.sequence !== sequence);
        }
        expect(window.size).toBeLessThanOrEqual(4);
      }),
    );
  });

  it("forgets in time, however many ids there were", () => {
    const window = new DedupeWindow(100);
    for (let sequence = 1; sequence <= 10_000; sequence++) window.add(`id${sequence}`, sequence, sequence);
    expect(window.size).toBe(100);
    window.setWindow(50);
    expect(window.find("id9960", 10_000)).toBe(9960);
    expect(window.find("id9940", 10_000)).toBeUndefined();
  });
});
