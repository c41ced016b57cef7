import { describe, expect, it } from "vitest";
import type { RecordedSpan } from "./recorded-span.js";
import { formatSpanTree } from "./span-tree.js";

function span(
  spanId: string,
  parentSpanId: string | undefined,
  fields: Partial<RecordedSpan> = {},
): RecordedSpan {
  return {
    traceId: "t1",
    spanId,
    parentSpanId,
    name: spanId,
    kind: "internal",
    service: "orders",
    startMs: 0,
    durationMs: 1,
    status: "ok",
    error: undefined,
    attributes: {},
    links: [],
    events: [],
    ...fields,
  };
}

describe("formatSpanTree", () => {
  it("draws children below their parent in the order they started, with columns aligned", () => {
    const text = formatSpanTree([
      span("refund", "checkout", { startMs: 30, kind: "client", durationMs: 12.34 }),
      span("serve", "reserve", { startMs: 11, kind: "server", service: "inventory" }),
      span("reserve", "checkout", { startMs: 10, kind: "client", durationMs: 2 }),
      span("checkout", undefined, { startMs: 1, durationMs: 100, status: "error", error: "card declined" }),
    ]);
    expect(text).toBe(
      [
        "checkout     internal  100.0 ms  error  orders     card declined",
        "├─ reserve   client      2.0 ms  ok     orders",
        "│  └─ serve  server      1.0 ms  ok     inventory",
        "└─ refund    client     12.3 ms  ok     orders",
      ].join("\n"),
    );
  });

  it("marks a span whose parent is not known and shows links", () => {
    const text = formatSpanTree([span("a", "gone", { links: [{ traceId: "t2", spanId: "s9" }] })]);
    expect(text).toBe("a (parent gone missing)  internal  1.0 ms  ok  orders  → t2/s9");
  });

  it("says when there is nothing to draw", () => {
    expect(formatSpanTree([])).toBe("(no spans)");
  });
});
