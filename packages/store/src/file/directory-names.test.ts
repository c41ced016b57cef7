import { expect, it } from "vitest";
import { directoryName } from "./directory-names.js";

it("directoryName keeps plain names and makes every other one safe, short and distinct", () => {
  expect(["orders", "kv_config-2"].map(directoryName)).toEqual(["orders", "kv_config-2"]);
  const names = [
    "ORDERS",
    "Orders",
    "$G",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a b",
    "☃",
    "",
    "x".repeat(65),
    "X".repeat(255),
    "a~b",
  ];
  const mapped = names.map(directoryName);
  for (const name of mapped) expect(name).toMatch(/^[A-Za-z0-9_-]{0,40}~[0-9a-f]{20}$/);
  expect(new Set(mapped.map((name) => name.toLowerCase())).size).toBe(names.length);
});
