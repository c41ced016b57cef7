import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findExpired, RedeliveryQueue, redeliveryWaitUs } from "./redelivery.js";

describe("RedeliveryQueue", () => {
  it("agrees with a list without repeats", () => {
    const step = fc.record({ kind: fc.constantFrom("push", "take", "remove", "clear"), sequence: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const queue = new RedeliveryQueue();
        let naive: number[] = [];
        for (const { kind, sequence } of steps) {
          if (kind === "push") {
            queue.push(sequence);
            if (!naive.includes(sequence)) naive.push(sequence);
          } else if (kind === "take") {
            const next = queue.peek();
            expect(next).toBe(naive[0]);
            if (next !== undefined) queue.remove(next);
            naive.shift();
          } else if (kind === "remove") {
            expect(queue.remove(sequence)).toBe(naive.includes(sequence));
            naive = naive.filter((member) => member !== sequence);
          } else {
            queue.clear();
            naive = [];
          }
          expect(queue.size).toBe(naive.length);
          expect(queue.peek()).toBe(naive[0]);
          expect(queue.has(sequence)).toBe(naive.includes(sequence));
        }
      }),
    );
  });
});

describe("redeliveryWaitUs", () => {
  it("is the ack wait without a backoff, and repeats the last step of one", () => {
    expect(redeliveryWaitUs({ ackWaitUs: 30, backoffUs: [] }, 5)).toBe(30);
    const timing = { ackWaitUs: 1, backoffUs: [1, 5, 9] };
    expect([0, 1, 2, 3, 4, 99].map((deliveries) => redeliveryWaitUs(timing, deliveries))).toEqual([
      1, 1, 5, 9, 9, 9,
    ]);
  });
});

describe("findExpired", () => {
  it("finds what is due in order of the stream, and when the next one is", () => {
    const entry = (timestampUs: number, deliveries = 1) => ({ consumerSequence: 1, timestampUs, deliveries });
    const pending = new Map([
      [8, entry(10)],
      [3, entry(0)],
      [5, entry(0, 2)],
      [6, entry(95)],
      [7, entry(0)],
    ]);
    const timing = { ackWaitUs: 0, backoffUs: [50, 200], nowUs: 100 };
    const found = findExpired(pending, (sequence) => sequence === 7, timing);
    expect(found).toEqual({ expired: [3, 8], nextDueUs: 145 });
    expect(findExpired(new Map(), () => false, timing)).toEqual({ expired: [], nextDueUs: undefined });
  });
});
