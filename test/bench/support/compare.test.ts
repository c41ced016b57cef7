import { expect, it } from "vitest";
import { type BenchContext, reachesGoal } from "./bench.js";
import { compare, compareFigures, median, percentile } from "./compare.js";

const context: BenchContext = { seconds: 1, rounds: 3, rows: undefined, log: () => {} };

it("compare alternates the sides, turns their order and leaves the warm-up out", async () => {
  const order: string[] = [];
  const ours = [1, 10, 30, 20];
  const theirs = [1000, 10, 10, 10];
  const measurement = (name: string, figures: readonly number[]) => async () => {
    order.push(name);
    return figures[order.filter((entry) => entry === name).length - 1] ?? Number.NaN;
  };
  const rows = await compare(context, {
    scenario: "rpc",
    unit: "msg/s",
    ours: measurement("ours", ours),
    peers: { peer: measurement("peer", theirs) },
    goals: { peer: { atLeast: 2 } },
  });
  expect(order).toEqual(["ours", "peer", "peer", "ours", "ours", "peer", "peer", "ours"]);
  expect(rows).toEqual([
    {
      scenario: "rpc",
      unit: "msg/s",
      ours: 20,
      peer: "peer",
      theirs: 10,
      ratio: 2,
      ratioRange: [1, 3],
      goal: { atLeast: 2 },
    },
  ]);
});

it("compareFigures gives a row for every figure, with its own unit and goal", async () => {
  const rows = await compareFigures(context, {
    scenario: "rpc",
    figures: [
      { name: "", unit: "msg/s", goals: { peer: { atLeast: 1 } } },
      { name: "p99", unit: "ms" },
    ],
    ours: async () => [10, 4],
    peers: { peer: async () => [20, 2] },
  });
  expect(rows.map(({ scenario, unit, ratio, goal }) => [scenario, unit, ratio, goal])).toEqual([
    ["rpc", "msg/s", 0.5, { atLeast: 1 }],
    ["rpc: p99", "ms", 2, undefined],
  ]);
});

it("compare measures nothing of a scenario that was not asked for", async () => {
  const measure = () => Promise.reject(new Error("must not be measured"));
  const comparison = { scenario: "rpc", unit: "msg/s", ours: measure, peers: { peer: measure } };
  expect(await compare({ ...context, rows: ["publish", "emit"] }, comparison)).toEqual([]);
});

it("median and percentile interpolate", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(percentile([10, 20, 30, 40, 50], 99)).toBeCloseTo(49.6);
  expect(median([])).toBeNaN();
});

it("reachesGoal takes goals in both directions", () => {
  const row = {
    scenario: "",
    unit: "",
    ours: 1,
    peer: "",
    theirs: 1,
    ratio: 1.5,
    ratioRange: [1, 2],
  } as const;
  expect(reachesGoal(row)).toBe(true);
  expect(reachesGoal({ ...row, goal: { atLeast: 2 } })).toBe(false);
  expect(reachesGoal({ ...row, goal: { atMost: 1.05 } })).toBe(false);
  expect(reachesGoal({ ...row, goal: { atMost: 1.5 } })).toBe(true);
});
