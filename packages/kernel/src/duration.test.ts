import { describe, expect, it } from "vitest";
import { type Duration, durationMs } from "./duration.js";
import { isGanglionError } from "./errors.js";

describe("durationMs", () => {
  it.each([
    [0, 0],
    [250, 250],
    ["250ms", 250],
    ["2s", 2_000],
    ["1.5m", 90_000],
    ["12h", 43_200_000],
    ["7d", 604_800_000],
  ] satisfies [Duration, number][])("converts %s", (duration, expected) => {
    expect(durationMs(duration)).toBe(expected);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "2", "s", "2 s", "-1s", "1e3s"])(
    "refuses %s and names the option",
    (duration) => {
      try {
        durationMs(duration as Duration, "ackWait");
        expect.unreachable();
      } catch (error) {
        expect(isGanglionError(error, "INVALID_DURATION")).toBe(true);
        expect(String(error)).toContain("ackWait");
      }
    },
  );
});
