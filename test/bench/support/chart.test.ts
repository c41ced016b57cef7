import { expect, it } from "vitest";
import type { BenchRow } from "./bench.js";
import { drawChart } from "./chart.js";

const row = (scenario: string, peer: string, theirs: number): BenchRow => ({
  scenario,
  unit: "calls/s",
  ours: 2_000,
  peer,
  theirs,
  ratio: 2_000 / theirs,
  ratioRange: [1, 2],
});

it("drawChart draws ours once and every peer in proportion, with text that cannot break out", () => {
  const svg = drawChart(
    [row("call", "a<b", 1_000), row("call", "c", 500), row("other", "a", 4_000)],
    "a & b",
  );
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
  expect(widths).toEqual([520, 260, 130, 260, 520]);
  expect(svg).toContain("call (calls/s)");
  expect(svg).toContain("a&lt;b");
  expect(svg).toContain("a &amp; b");
  expect(svg.match(/<text/g)).toHaveLength(2 + 2 * 5 + 1);
});
