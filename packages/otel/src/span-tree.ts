import type { RecordedSpan } from "./recorded-span.js";

interface Row {
  readonly label: string;
  readonly span: RecordedSpan;
}

/**
 * Draws spans as a tree: name, kind, duration, status and service, one span per line, siblings in the
 * order they started. A span whose parent is not among the given ones is drawn as a root and marked.
 *
 * @example
 * ```text
 * checkout o-7             internal  41.2 ms  error  orders     card declined
 * ├─ inventory.reserve     client     3.1 ms  ok     orders
 * │  └─ inventory.reserve  server     1.0 ms  ok     inventory
 * ```
 */
export function formatSpanTree(spans: readonly RecordedSpan[]): string {
  if (spans.length === 0) return "(no spans)";
  const ordered = [...spans].sort((a, b) => a.startMs - b.startMs);
  const known = new Set(ordered.map((span) => span.spanId));
  const children = new Map<string, RecordedSpan[]>();
  const roots: RecordedSpan[] = [];
  for (const span of ordered) {
    if (span.parentSpanId === undefined || !known.has(span.parentSpanId)) roots.push(span);
    else children.set(span.parentSpanId, [...(children.get(span.parentSpanId) ?? []), span]);
  }

  const rows: Row[] = [];
  const visit = (span: RecordedSpan, head: string, rest: string): void => {
    const orphan =
      span.parentSpanId !== undefined && head === "" ? ` (parent ${span.parentSpanId} missing)` : "";
    rows.push({ label: `${head}${span.name}${orphan}`, span });
    const below = children.get(span.spanId) ?? [];
    for (const [index, child] of below.entries()) {
      const last = index === below.length - 1;
      visit(child, `${rest}${last ? "└─ " : "├─ "}`, `${rest}${last ? "   " : "│  "}`);
    }
  };
  for (const root of roots) visit(root, "", "");
  return align(rows);
}

function align(rows: readonly Row[]): string {
  const cells = rows.map(({ label, span }) => [
    label,
    span.kind,
    `${span.durationMs.toFixed(1)} ms`,
    span.status,
    span.service,
    [span.error ?? "", ...span.links.map((link) => `→ ${link.traceId}/${link.spanId}`)].join(" ").trim(),
  ]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return column === 2 ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
