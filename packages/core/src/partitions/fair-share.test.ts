import fc from "fast-check";
import { expect, it } from "vitest";
import { shareChange } from "./fair-share.js";

it("everybody ends with an equal share, and nothing is owned by two or by none", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 32 }),
      fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 }),
      fc.array(fc.constantFrom("a", "b", "c", "d", "e", undefined), { maxLength: 32 }),
      (partitions, members, before) => {
        // Owners that are gone own nothing.
        const owners = Array.from({ length: partitions }, (_, n) => {
          const owner = before[n];
          return owner !== undefined && members.includes(owner) ? owner : undefined;
        });
        // One after the other, as often as it takes: each round someone is off its share, something moves.
        for (let round = 0; round < partitions + 2; round++) {
          for (const self of members) {
            const { take, release } = shareChange({ self, members, owners });
            for (const partition of take) {
              expect(owners[partition]).toBeUndefined();
              owners[partition] = self;
            }
            for (const partition of release) {
              expect(owners[partition]).toBe(self);
              owners[partition] = undefined;
            }
          }
        }
        const counts = members.map((member) => owners.filter((owner) => owner === member).length);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(partitions);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        for (const self of members) {
          expect(shareChange({ self, members, owners })).toEqual({ take: [], release: [] });
        }
      },
    ),
  );
});
