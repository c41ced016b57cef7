import { expect, it } from "vitest";
import { encodeKey, keyOf, rowSubject } from "./kv-keys.js";

it.each(["o1", "a.b", "a b", "*", ">", "=", "%", "ü/é", "日本", "it's"])(
  "encodeKey %j fits a bucket and keyOf reads it back",
  (key) => {
    expect(encodeKey(key)).toMatch(/^[A-Za-z0-9_=-]+$/);
    expect(keyOf(rowSubject("summary", "v1-1", key))).toBe(key);
  },
);

it.each(["", "x".repeat(301), "\ud800"])("encodeKey refuses %j", (key) => {
  expect(() => encodeKey(key)).toThrow(/must have 1 to 300 characters/);
});
