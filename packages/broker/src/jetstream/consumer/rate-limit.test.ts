import { describe, expect, it } from "vitest";
import { RateLimit } from "./rate-limit.js";

describe("RateLimit", () => {
  it("lets its burst through and then paces by bytes", () => {
    const limit = new RateLimit(1000, 100, 0);
    limit.take(100, 0);
    expect(limit.delayMs(0)).toBe(0);
    limit.take(50, 0);
    expect(limit.delayMs(0)).toBe(50);
    expect(limit.delayMs(20)).toBe(30);
    expect(limit.delayMs(50)).toBe(0);
  });

  it("does not save up more than its burst", () => {
    const limit = new RateLimit(1000, 100, 0);
    limit.take(300, 1_000_000);
    expect(limit.delayMs(1_000_000)).toBe(200);
  });
});
