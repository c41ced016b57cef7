import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConsumerPosition, leavesOnAck, needsAck } from "./retention.js";

const sets = fc.record({
  ackPolicy: fc.constantFrom("none", "all", "explicit" as const),
  floor: fc.nat(10),
  cursor: fc.integer({ min: 1, max: 12 }),
  pending: fc.uniqueArray(fc.integer({ min: 1, max: 10 })),
  abandoned: fc.uniqueArray(fc.integer({ min: 1, max: 10 })),
});

describe("needsAck", () => {
  it("a message is needed while it is abandoned, or above the floor and not acknowledged", () => {
    fc.assert(
      fc.property(
        sets,
        fc.integer({ min: 1, max: 12 }),
        ({ ackPolicy, floor, cursor, ...lists }, sequence) => {
          const position: ConsumerPosition = {
            ackPolicy: ackPolicy as "none",
            floorSequence: floor,
            isUndelivered: (at) => at >= cursor,
            isPending: (at) => lists.pending.includes(at),
            isAbandoned: (at) => lists.abandoned.includes(at),
          };
          const open = ackPolicy !== "explicit" || sequence >= cursor || lists.pending.includes(sequence);
          const expected = lists.abandoned.includes(sequence) || (sequence > floor && open);
          expect(needsAck(position, sequence)).toBe(expected);
        },
      ),
    );
  });
});

describe("leavesOnAck", () => {
  it("follows the retention policy", () => {
    expect(leavesOnAck("limits", () => false)).toBe(false);
    expect(leavesOnAck("workqueue", () => true)).toBe(true);
    expect(leavesOnAck("interest", () => true)).toBe(false);
    expect(leavesOnAck("interest", () => false)).toBe(true);
  });
});
