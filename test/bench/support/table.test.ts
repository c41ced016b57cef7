import { expect, it } from "vitest";
import { formatRows, formatTable } from "./table.js";

it("formatTable lines the first column up left and the others right", () => {
  expect(formatTable(["name", "n"], [["a", "100"]])).toBe("name    n\n----  ---\na     100");
});

it("formatRows shows figures, ratio, range and whether the goal was reached", () => {
  const row = { scenario: "rpc", unit: "msg/s", ours: 50_000, peer: "nats.js", theirs: 25_000 } as const;
  const text = formatRows([
    { ...row, ratio: 2, ratioRange: [1.9, 2.1], goal: { atLeast: 2 } },
    { ...row, unit: "ms", ours: 1.5, theirs: 1, ratio: 1.5, ratioRange: [1, 2], goal: { atMost: 1.05 } },
  ]);
  const [header, , rate, latency] = text.split("\n").map((line) => line.split(/ {2,}/));
  expect(header).toEqual(["scenario", "unit", "ganglion", "peer", "theirs", "ratio", "range", "goal"]);
  expect(rate?.slice(2)).toEqual(["50,000", "nats.js", "25,000", "2.00x", "1.90-2.10", ">= 2x", "reached"]);
  expect(latency?.slice(2)).toEqual(["1.50", "nats.js", "1.00", "1.50x", "1.00-2.00", "<= 1.05x", "MISSED"]);
});
