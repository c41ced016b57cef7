import { describe, expect, it } from "vitest";
import { formatTimestamp, parseTimestamp } from "./timestamp.js";

describe("formatTimestamp", () => {
  it.each([
    [0, "1970-01-01T00:00:00Z"],
    [1_500_000, "1970-01-01T00:00:01.5Z"],
    [1_700_000_000_000_001, "2023-11-14T22:13:20.000001Z"],
    [-1, "1969-12-31T23:59:59.999999Z"],
  ])("writes %d and parseTimestamp reads it back", (timestampUs, expected) => {
    expect(formatTimestamp(timestampUs)).toBe(expected);
    expect(parseTimestamp(expected)).toBe(timestampUs);
  });
});

describe("parseTimestamp", () => {
  it("reads zones and cuts nanoseconds", () => {
    expect(parseTimestamp("1970-01-01T01:00:00.123456789+01:00")).toBe(123_456);
  });

  it.each(["", "2023-11-14", "2023-11-14T22:13:20", "2023-13-14T22:13:20Z", "now"])("refuses %j", (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });
});
