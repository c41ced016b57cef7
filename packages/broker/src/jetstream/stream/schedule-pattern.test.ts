import { parseTimestamp } from "@ganglion/protocol";
import { expect, it } from "vitest";
import { nextScheduledTime } from "./schedule-pattern.js";

const us = (time: string) => parseTimestamp(time) ?? 0;

/** When a pattern fires next, as RFC 3339 in whole seconds. */
function next(pattern: string, from: string, options: { now?: string; timeZone?: string } = {}) {
  const { now = from, timeZone } = options;
  const found = nextScheduledTime(pattern, { fromUs: us(from), nowUs: us(now), timeZone });
  return found && `${new Date(found.atUs / 1000).toISOString().slice(0, 19)}${found.repeats ? " again" : ""}`;
}

const NOON = "2026-05-01T12:00:00Z";

it("a time is met once, also when it has passed", () => {
  expect(next("@at 2026-06-01T00:00:00+02:00", NOON)).toBe("2026-05-31T22:00:00");
  expect(next("@at 2020-01-01T00:00:00Z", NOON)).toBe("2020-01-01T00:00:00");
  expect(next("@at 12:00", NOON)).toBeUndefined();
});

it("an interval begins with what was stored, and is not made up for", () => {
  expect(next("@every 90s", NOON)).toBe("2026-05-01T12:01:30 again");
  expect(next("@every 90s", NOON, { now: "2026-05-01T13:00:00Z" })).toBe("2026-05-01T13:01:30 again");
  expect(next("@every 1ms", NOON)).toBeUndefined();
  expect(next("@every 1m", NOON, { timeZone: "Europe/Berlin" })).toBeUndefined();
});

it("cron has six fields, shorthands, and a time zone of its own", () => {
  expect(next("30 15 * * * *", NOON)).toBe("2026-05-01T12:15:30 again");
  expect(next("0 0 9 * * MON-FRI", NOON)).toBe("2026-05-04T09:00:00 again");
  expect(next("0 0 0 * * 0", NOON)).toBe("2026-05-03T00:00:00 again");
  expect(next("@weekly", NOON)).toBe("2026-05-03T00:00:00 again");
  expect(next("@hourly", NOON)).toBe("2026-05-01T13:00:00 again");
  expect(next("@yearly", NOON)).toBe("2027-01-01T00:00:00 again");
  expect(next("0 0 9 * * *", NOON, { timeZone: "Europe/Berlin" })).toBe("2026-05-02T07:00:00 again");
  expect(next("0 0 * * *", NOON)).toBeUndefined();
  expect(next("0 0 25 * * *", NOON)).toBeUndefined();
  expect(next("@sometimes", NOON)).toBeUndefined();
});

it("a day that is both of a month and of a week is one of them", () => {
  expect(next("0 0 0 13 * FRI", NOON)).toBe("2026-05-08T00:00:00 again");
});
