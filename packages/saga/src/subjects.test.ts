import { expect, it } from "vitest";
import { idOf, journalSubject, tokenOf } from "./subjects.js";

it.each(["o1", "a.b", "a b", "*", ">", "%", "ü/é", "日本", "a'(b)"])(
  "tokenOf %j is one token and idOf reads it back",
  (id) => {
    expect(tokenOf(id)).toMatch(/^[A-Za-z0-9_%-]+$/);
    expect(idOf(journalSubject("checkout", id))).toBe(id);
  },
);

it.each(["", "x".repeat(201), "ü".repeat(60), "\ud800"])("tokenOf refuses %j", (id) => {
  expect(() => tokenOf(id)).toThrow(/must have 1 to 200 characters/);
});
