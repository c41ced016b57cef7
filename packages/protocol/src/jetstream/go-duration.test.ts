import { describe, expect, it } from "vitest";
import { formatGoDuration, parseGoDuration } from "./go-duration.js";

describe("parseGoDuration", () => {
  it.each([
    ["0", 0],
    ["5s", 5e9],
    ["1.5s", 1.5e9],
    ["1h30m", 5400e9],
    ["-250ms", -250e6],
    [".5s", 0.5e9],
    ["10µs", 10e3],
  ])("reads %s", (text, expectedNs) => {
    expect(parseGoDuration(text)).toBe(expectedNs);
  });

  it.each(["", "5", "s", "5 s", "5s ", "1d", "five", "1h-30m"])("refuses %j", (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });
});

describe("formatGoDuration", () => {
  it.each([
    [0, "0s"],
    [1, "1ns"],
    [1500, "1.5µs"],
    [100e6, "100ms"],
    [1.5e9, "1.5s"],
    [60e9, "1m0s"],
    [5400e9, "1h30m0s"],
    [3_600_000_000_001, "1h0m0.000000001s"],
    [-2e9, "-2s"],
  ])("writes %d ns", (durationNs, expected) => {
    expect(formatGoDuration(durationNs)).toBe(expected);
    expect(parseGoDuration(expected)).toBe(durationNs);
  });
});
