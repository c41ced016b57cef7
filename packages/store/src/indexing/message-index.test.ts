import { subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testSeed } from "../contract/test-seed.js";
import { MessageIndex } from "./message-index.js";

interface Entry {
  readonly sequence: number;
  readonly subject: string;
}

function append(index: MessageIndex, { sequence, subject }: Entry): void {
  index.append(sequence, {
    subject,
    timestampUs: sequence * 10,
    sizeBytes: 1,
    hasHeaders: sequence % 7 === 0,
    segment: 1,
    position: sequence % 1000,
  });
}

/** Answers of the index and of a plain array, for filters that match few and many of 400 subjects. */
function compare(index: MessageIndex, entries: readonly Entry[], from: number): void {
  const filters = [["many.>"], ["*.*.7"], ["many.3.*", "few.*.1"], ["few.1.1"], ["*.9.9", "many.*.8"], [">"]];
  for (const wanted of filters) {
    const matching = entries.filter(({ subject }) =>
      wanted.some((filter) => subjectMatches(filter, subject)),
    );
    const later = matching.filter(({ sequence }) => sequence >= from);
    expect(index.ceil(from, wanted)).toBe(later[0]?.sequence);
    expect(index.countFrom(from, wanted)).toBe(later.length);
    const single = wanted[0] ?? ">";
    const earlier = entries.filter(
      ({ sequence, subject }) => sequence <= from && subjectMatches(single, subject),
    );
    expect(index.floor(from, single)).toBe(earlier.at(-1)?.sequence);
    expect([...index.subjects(single)].map(({ subject }) => subject).sort()).toEqual(
      [...new Set(entries.map(({ subject }) => subject))]
        .filter((subject) => subjectMatches(single, subject))
        .sort(),
    );
  }
  const timestampUs = from * 10 - 5;
  const at = entries.find(({ sequence }) => sequence * 10 >= timestampUs);
  expect(index.sequenceAt(timestampUs)).toBe(at?.sequence ?? index.lastSequence + 1);
}

describe("MessageIndex", () => {
  it("agrees with an array over many blocks, while most messages leave", () => {
    const seed = testSeed("message index");
    const step = fc.record({
      kind: fc.nat(9),
      subject: fc.nat(400),
      count: fc.integer({ min: 1, max: 900 }),
      at: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 60, maxLength: 120, size: "max" }), (steps) => {
        const index = new MessageIndex(1);
        let entries: Entry[] = [];
        for (const { kind, subject, count, at } of steps) {
          if (kind < 6) {
            for (let n = 0; n < count; n++) {
              const number = (subject + n * 7) % 400;
              const name =
                number < 380
                  ? `many.${number % 20}.${Math.floor(number / 20)}`
                  : `few.${number % 3}.${number % 2}`;
              const entry = { sequence: index.lastSequence + 1, subject: name };
              append(index, entry);
              entries.push(entry);
            }
            index.markDurable(index.lastSequence);
          } else {
            const kept = kind === 6 ? 50 : 2;
            const doomed = new Set(
              entries.filter((_, position) => (position + at) % kept !== 0).slice(0, count * 3),
            );
            for (const { sequence } of doomed) expect(index.remove(sequence)?.sequence).toBe(sequence);
            entries = entries.filter((entry) => !doomed.has(entry));
          }
          const from = entries[at % (entries.length + 1)]?.sequence ?? at % 10_000;
          compare(index, entries, from);
          expect([index.count, index.bytes, index.firstSequence]).toEqual([
            entries.length,
            entries.length,
            entries[0]?.sequence ?? index.lastSequence + 1,
          ]);
        }
      }),
      { seed, numRuns: 4 },
    );
  });

  it("keeps the place of every message when blocks shrink and records move", () => {
    const index = new MessageIndex(1);
    for (let sequence = 1; sequence <= 10_000; sequence++) append(index, { sequence, subject: "a" });
    for (let sequence = 1; sequence <= 10_000; sequence++) if (sequence % 50 !== 0) index.remove(sequence);
    index.relocate(5_000, 7, 123);
    index.relocate(5_001, 7, 123);
    expect(index.get(5_000)).toMatchObject({ segment: 7, position: 123, timestampUs: 50_000, subject: "a" });
    expect(index.get(5_050)).toMatchObject({ segment: 1, position: 50 });
    expect([index.get(5_001), index.remove(5_001)]).toEqual([undefined, undefined]);
  });

  it("finds rare matches of a wildcard among many subjects, forwards and backwards, also the second time", () => {
    const index = new MessageIndex(1);
    for (let sequence = 1; sequence <= 40_000; sequence++) {
      append(index, { sequence, subject: sequence === 20_000 ? "rare.1" : `noise.${sequence % 300}.x` });
    }
    const filters = ["*.1", "noise.*.y"];
    for (const _ of ["first time", "second time"]) {
      expect([index.ceil(1, filters), index.ceil(20_001, filters)]).toEqual([20_000, undefined]);
      expect([index.floor(40_000, "*.1"), index.floor(19_999, "*.1")]).toEqual([20_000, undefined]);
      expect([index.countFrom(1, filters), index.countFrom(20_001, filters)]).toEqual([1, 0]);
    }
    index.remove(20_000);
    expect(index.ceil(1, filters)).toBeUndefined();
  });

  it("remembers no more filters than it may", () => {
    const index = new MessageIndex(1);
    for (let sequence = 1; sequence <= 300; sequence++)
      append(index, { sequence, subject: `s.${sequence}.x` });
    for (let count = 0; count < 300; count++) expect(index.ceil(1, ["s.*.x", `other.${count}`])).toBe(1);
  });

  it("does not mistake a new subject for the one whose number it got", () => {
    const index = new MessageIndex(1);
    for (let sequence = 1; sequence <= 200; sequence++)
      append(index, { sequence, subject: `old.${sequence}` });
    expect(index.ceil(150, ["old.*"])).toBe(150);
    for (let sequence = 1; sequence <= 200; sequence++) index.remove(sequence);
    for (let sequence = 201; sequence <= 400; sequence++)
      append(index, { sequence, subject: `new.${sequence}` });
    expect(index.ceil(1, ["old.*"])).toBeUndefined();
    expect([index.ceil(300, ["new.*"]), index.subjectCount]).toEqual([300, 200]);
  });
});
