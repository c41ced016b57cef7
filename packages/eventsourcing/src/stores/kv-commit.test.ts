import { expect, it } from "vitest";
import { type Commit, decodeCommit, encodeCommit } from "./kv-commit.js";

const COMMIT: Commit = {
  number: 7,
  checkpoint: { orders: 12 },
  rows: [
    ["a", '{"n":1}'],
    ['q"uote', '"text"'],
    ["gone", null],
  ],
  rowsNumber: 6,
  owner: "p1",
  atMs: 1_000,
};

it("a commit is read back as it was written", () => {
  expect(decodeCommit(encodeCommit(COMMIT))).toEqual(COMMIT);
  expect(decodeCommit(encodeCommit({ ...COMMIT, rows: [] })).rows).toEqual([]);
});

it.each(["", "{", '{"format":2,"rows":[]}'])("decodeCommit refuses %j", (text) => {
  expect(() => decodeCommit(new TextEncoder().encode(text))).toThrow(/The last commit of a read model/);
});
