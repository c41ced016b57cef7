import { describe, expect, it } from "vitest";
import type { MappingConfig } from "../config/blocks/mappings.js";
import { SubjectMappings } from "./subject-mappings.js";

const SAMPLES = 10_000;

function mappings(
  sources: Readonly<Record<string, readonly (readonly [subject: string, weight: number])[]>>,
) {
  const configs: MappingConfig[] = Object.entries(sources).map(([source, destinations]) => ({
    source,
    destinations: destinations.map(([subject, weight]) => ({ subject, weight })),
  }));
  return new SubjectMappings(configs);
}

/** How many of the samples go where, in percent. */
function shares(one: SubjectMappings, subject: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < SAMPLES; i++) {
    const to = one.map(subject);
    counts.set(to, (counts.get(to) ?? 0) + 100 / SAMPLES);
  }
  return counts;
}

describe("SubjectMappings", () => {
  it("prefers a literal source, and leaves alone what it does not know", () => {
    const one = mappings({ "a.*": [["wild.$1", 100]], "a.b": [["literal", 100]] });
    expect(["a.b", "a.c", "a", "b"].map((subject) => one.map(subject))).toEqual([
      "literal",
      "wild.c",
      "a",
      "b",
    ]);
  });

  it("shares by weight, and leaves the rest where it is", () => {
    const found = shares(
      mappings({
        "a.*": [
          ["b.$1", 20],
          ["c.$1", 50],
        ],
      }),
      "a.x",
    );
    // Six standard deviations of 10,000 samples are 3 percent.
    expect(found.get("b.x")).toBeGreaterThan(17);
    expect(found.get("b.x")).toBeLessThan(23);
    expect(found.get("c.x")).toBeGreaterThan(47);
    expect(found.get("c.x")).toBeLessThan(53);
    expect([...found.keys()].sort()).toEqual(["a.x", "b.x", "c.x"]);
  });

  it("loses the rest when the source is named as a destination", () => {
    const found = shares(
      mappings({
        a: [
          ["a", 50],
          ["b", 20],
        ],
      }),
      "a",
    );
    expect([...found.keys()].sort()).toEqual(["", "a", "b"]);
    expect(found.get("")).toBeGreaterThan(27);
    expect(found.get("")).toBeLessThan(33);
  });

  it("takes no part in clusters", () => {
    const destinations = [{ subject: "b", weight: 100, cluster: "east" }];
    expect(new SubjectMappings([{ source: "a", destinations }]).map("a")).toBe("a");
  });
});
