import { expect, it } from "vitest";
import { formatBar, formatTable } from "./text.js";

it("formatTable aligns text to the left and numbers to the right", () => {
  const rows = [
    ["lamp", 2, "ok"],
    ["armchair", 10, ""],
  ];
  expect(formatTable(["item", "qty", "note"], rows)).toBe(
    ["item      qty  note", "lamp        2  ok", "armchair   10"].join("\n"),
  );
});

it("formatBar fills with the share that is done", () => {
  expect(formatBar(0, 4)).toBe(`[${".".repeat(30)}] 0/4`);
  expect(formatBar(1, 2)).toBe(`[${"#".repeat(15)}${".".repeat(15)}] 1/2`);
  expect(formatBar(9, 4)).toBe(`[${"#".repeat(30)}] 9/4`);
  expect(formatBar(0, 0)).toBe(`[${"#".repeat(30)}] 0/0`);
});
