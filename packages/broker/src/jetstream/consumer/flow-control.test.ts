import { describe, expect, it } from "vitest";
import { FlowControl } from "./flow-control.js";

describe("FlowControl", () => {
  it("asks at half of its window, stalls at all of it and opens up with the answer", () => {
    const flow = new FlowControl(1600);
    expect(flow.delivered(50)).toBe(false);
    expect(flow.delivered(10)).toBe(true);
    flow.request("fc.1");
    expect(flow.outstandingRequest).toBe("fc.1");
    expect(flow.delivered(41)).toBe(false);
    expect(flow.isStalled).toBe(true);
    expect(flow.answered("fc.0")).toBe(false);
    expect(flow.answered("fc.1")).toBe(true);
    expect(flow.isStalled).toBe(false);
    expect(flow.outstandingRequest).toBeUndefined();
    // The window has doubled to 200, and the 41 bytes behind the request are still on their way.
    expect(flow.delivered(59)).toBe(false);
    expect(flow.delivered(1)).toBe(true);
  });

  it("never opens wider than its limit", () => {
    const flow = new FlowControl(64);
    for (let round = 0; round < 10; round++) {
      while (!flow.delivered(1)) expect(flow.isStalled).toBe(false);
      flow.request("fc");
      flow.answered("fc");
    }
    for (let bytes = 0; bytes < 64; bytes++) flow.delivered(1);
    expect(flow.isStalled).toBe(false);
    flow.delivered(1);
    expect(flow.isStalled).toBe(true);
  });
});
