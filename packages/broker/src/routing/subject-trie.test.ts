import { subjectMatches } from "@ganglion/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SubjectTrie } from "./subject-trie.js";

function matching<T>(trie: SubjectTrie<T>, subject: string): T[] {
  const found: T[] = [];
  trie.match(subject, found);
  return found;
}

const token = fc.constantFrom("a", "b", "c", "*");
const filter = fc
  .tuple(fc.array(token, { maxLength: 3 }), fc.constantFrom("a", "b", "*", ">"))
  .map(([head, last]) => [...head, last].join("."));
const subject = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 })
  .map((tokens) => tokens.join("."));
const command = fc.oneof(
  fc.record({ kind: fc.constant("insert" as const), filter, value: fc.nat(5) }),
  fc.record({ kind: fc.constant("remove" as const), filter, value: fc.nat(5) }),
  fc.record({ kind: fc.constant("match" as const), subject }),
);

describe("SubjectTrie", () => {
  test("does what a plain list does (a failure prints its seed)", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const trie = new SubjectTrie<string>();
        const model = new Map<string, string>(); // entry → filter
        for (const item of commands) {
          if (item.kind === "match") {
            const expected = [...model].filter(([, known]) => subjectMatches(known, item.subject));
            expect(matching(trie, item.subject).sort()).toEqual(expected.map(([entry]) => entry).sort());
            continue;
          }
          const entry = `${item.filter} ${item.value}`;
          if (item.kind === "insert") {
            trie.insert(item.filter, entry);
            model.set(entry, item.filter);
          } else {
            expect(trie.remove(item.filter, entry)).toBe(model.delete(entry));
          }
          expect(trie.size).toBe(model.size);
        }
        const all: string[] = [];
        trie.all(all);
        expect(all.sort()).toEqual([...model.keys()].sort());
      }),
      { numRuns: 500 },
    );
  });

  test("keeps no node once everything is removed", () => {
    const trie = new SubjectTrie<number>();
    const filters = ["a.b.c", "a.*.c", "a.>", ">", "*", "x.y"];
    filters.forEach((text, i) => {
      trie.insert(text, i);
    });
    filters.forEach((text, i) => {
      expect(trie.remove(text, i)).toBe(true);
    });
    expect(trie.size).toBe(0);
    expect(trie.remove("a.b.c", 0)).toBe(false);
    expect(JSON.stringify(trie)).toBe(JSON.stringify(new SubjectTrie()));
  });
});
