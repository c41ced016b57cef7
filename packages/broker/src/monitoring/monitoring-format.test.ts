import { expect, test } from "vitest";
import { formatGoDuration, formatUptime } from "./monitoring-format.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, "0s"],
  [999, "0s"],
  [59 * SECOND, "59s"],
  [MINUTE, "1m0s"],
  [HOUR + 2 * SECOND, "1h0m2s"],
  [DAY, "1d0h0m0s"],
  [365 * DAY + 2 * DAY + 3 * HOUR + 4 * MINUTE + 5 * SECOND, "1y2d3h4m5s"],
  [-5, "0s"],
])("formatUptime writes %d ms as %s", (durationMs, text) => {
  expect(formatUptime(durationMs)).toBe(text);
});

test.each([
  [0, "0s"],
  [0.0004, "0s"],
  [0.012, "12µs"],
  [1.5, "1.5ms"],
  [999.999, "999.999ms"],
  [2250, "2.25s"],
  [63_000, "1m3s"],
  [3_600_000, "1h0m0s"],
])("formatGoDuration writes %d ms as %s", (durationMs, text) => {
  expect(formatGoDuration(durationMs)).toBe(text);
});
