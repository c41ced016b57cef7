import { type BenchRow, type Goal, reachesGoal } from "./bench.js";

/** Lines up columns: the first to the left, the others to the right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

/** The results of a benchmark as a table. */
export function formatRows(rows: readonly BenchRow[]): string {
  return formatTable(
    ["scenario", "unit", "ganglion", "peer", "theirs", "ratio", "range", "goal", ""],
    rows.map((row) => [
      row.scenario,
      row.unit,
      formatFigure(row.ours),
      row.peer,
      formatFigure(row.theirs),
      `${row.ratio.toFixed(2)}x`,
      row.ratioRange.map((ratio) => ratio.toFixed(2)).join("-"),
      row.goal === undefined ? "" : formatGoal(row.goal),
      row.goal === undefined ? "" : reachesGoal(row) ? "reached" : "MISSED",
    ]),
  );
}

function formatGoal(goal: Goal): string {
  return "atLeast" in goal ? `>= ${goal.atLeast}x` : `<= ${goal.atMost}x`;
}

/** Whole numbers from 100 up, with a comma at each thousand; three digits below. */
function formatFigure(figure: number): string {
  return figure >= 100 ? Math.round(figure).toLocaleString("en-US") : figure.toPrecision(3);
}
