import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  hasWildcard,
  isLiteralSubjectBytes,
  isValidFilter,
  isValidSubject,
  subject,
  subjectFilter,
} from "./subject.js";
import { filtersOverlap, isSubsetFilter, subjectMatches } from "./subject-match.js";

test.each(["a", "a.b", "a.*", "*", ">", "a.>", "a*.b", "a.b>c", "$JS.API.>", "é.ü", "**", "a.>b"])(
  "isValidFilter accepts %j",
  (text) => expect(isValidFilter(text)).toBe(true),
);

test.each(["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a\tb", "a\r", "\n", "a.\f", " "])(
  "isValidFilter refuses %j",
  (text) => expect(isValidFilter(text)).toBe(false),
);

test("isValidSubject refuses wildcard tokens and accepts wildcard characters inside tokens", () => {
  expect(["a.*", "*", ">", "a.>", ""].filter(isValidSubject)).toEqual([]);
  const literals = ["a", "a*", "*a", "a>.b", "a.b*c", ">>", "**.x"];
  expect(literals.filter(isValidSubject)).toEqual(literals);
  expect(literals.filter(hasWildcard)).toEqual([]);
  expect(["*.a", "a.*.b", ">"].every(hasWildcard)).toBe(true);
});

test("subject and subjectFilter throw INVALID_SUBJECT", () => {
  expect(subject("a.b")).toBe("a.b");
  expect(subjectFilter("a.*")).toBe("a.*");
  expect(() => subject("a.*")).toThrow(expect.objectContaining({ code: "INVALID_SUBJECT" }));
  expect(() => subjectFilter("a..b")).toThrow(expect.objectContaining({ code: "INVALID_SUBJECT" }));
});

test("isLiteralSubjectBytes agrees with the strict check on subjects without whitespace", () => {
  const text = fc.array(fc.constantFrom("a", "b", ".", "*", ">"), { maxLength: 8 }).map((x) => x.join(""));
  fc.assert(
    fc.property(text, (value) => {
      const bytes = Buffer.from(`xx${value}yy`);
      expect(isLiteralSubjectBytes(bytes, 2, bytes.length - 2)).toBe(isValidSubject(value));
    }),
  );
});

/** Every subject of up to four tokens over a small alphabet: enough to tell any two of the filters below apart. */
const universe = ((): string[] => {
  const tokens = ["a", "b", "c*"];
  const longer = (subjects: string[]) => subjects.flatMap((x) => tokens.map((token) => `${x}.${token}`));
  const pairs = longer(tokens);
  const triples = longer(pairs);
  return [...tokens, ...pairs, ...triples, ...longer(triples)];
})();

function naiveMatch(filter: string, text: string): boolean {
  const wanted = filter.split(".");
  const tokens = text.split(".");
  const tail = wanted.at(-1) === ">";
  if (tail ? tokens.length < wanted.length : tokens.length !== wanted.length) return false;
  const fixed = tail ? wanted.slice(0, -1) : wanted;
  return fixed.every((token, i) => token === "*" || token === tokens[i]);
}

const filter = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b", "c*", "*"), { maxLength: 2 }),
    fc.constantFrom("a", "c*", "*", ">"),
  )
  .map(([head, last]) => [...head, last].join("."));

describe("against a naive model (a failure prints its seed)", () => {
  test("subjectMatches", () => {
    fc.assert(
      fc.property(filter, (text) => {
        for (const candidate of universe) {
          expect([candidate, subjectMatches(text, candidate)]).toEqual([
            candidate,
            naiveMatch(text, candidate),
          ]);
        }
      }),
    );
  });

  test("isSubsetFilter and filtersOverlap", () => {
    fc.assert(
      fc.property(filter, filter, (a, b) => {
        const ofA = universe.filter((candidate) => naiveMatch(a, candidate));
        const common = ofA.filter((candidate) => naiveMatch(b, candidate));
        expect(filtersOverlap(a, b)).toBe(common.length > 0);
        expect(filtersOverlap(b, a)).toBe(common.length > 0);
        expect(isSubsetFilter(a, b)).toBe(common.length === ofA.length);
      }),
      { numRuns: 1000 },
    );
  });
});

test("isSubsetFilter knows which filter is the wider one", () => {
  const inside: [string, string][] = [
    ["a.*", ">"],
    ["a.*", "*.*"],
    ["a.*", "a.*"],
    ["a.b.>", "a.*.>"],
    ["a.b", "a.b"],
  ];
  const outside: [string, string][] = [
    ["a.*", "a.b"],
    [">", "*"],
    ["a.>", "a.*"],
    ["a", "a.>"],
    ["a.b", "a"],
    ["a", "a.b"],
    ["a.b", "a.c"],
  ];
  expect(inside.filter(([a, b]) => !isSubsetFilter(a, b))).toEqual([]);
  expect(outside.filter(([a, b]) => isSubsetFilter(a, b))).toEqual([]);
});
