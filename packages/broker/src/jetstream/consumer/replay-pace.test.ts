import { describe, expect, it } from "vitest";
import { ReplayPace } from "./replay-pace.js";

const message = (sequence: number, timestampUs: number) => ({
  sequence,
  timestampUs,
  subject: "s",
  headerSizeBytes: 0,
  data: new Uint8Array(),
});

describe("ReplayPace", () => {
  it("holds each message back for as long as it came after the one before", () => {
    const pace = new ReplayPace(3);
    expect(pace.delayMs(message(1, 0), 0)).toBe(0);
    pace.delivered(message(1, 0));
    expect(pace.delayMs(message(2, 40_000), 10)).toBe(40);
    expect(pace.delayMs(message(2, 40_000), 30)).toBe(20);
    expect(pace.delayMs(message(2, 40_000), 50)).toBe(0);
    pace.delivered(message(2, 40_000));
    expect(pace.delayMs(message(3, 40_900), 50)).toBe(0);
  });

  it("lets live messages through at once", () => {
    const pace = new ReplayPace(1);
    pace.delivered(message(1, 0));
    expect(pace.delayMs(message(2, 9_000_000), 0)).toBe(0);
  });
});
