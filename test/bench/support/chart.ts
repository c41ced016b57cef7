import type { BenchRow } from "./bench.js";

/** Lengths in pixels of the drawing. */
const WIDTH = 760;
const LABEL_WIDTH = 150;
const BAR_HEIGHT = 18;
const GAP = 6;
const TITLE_HEIGHT = 34;
const FOOT_HEIGHT = 28;
const COLORS = { ours: "#2f6f4f", theirs: "#8a94a6", text: "#57606a" } as const;

/** A bar: whose, and how much. */
interface Bar {
  readonly name: string;
  readonly value: number;
}

/**
 * Draws what was measured as bars, a group for each scenario, as an SVG document without scripts and fonts.
 *
 * @param rows - of the figures to draw; those of one scenario hold the same figure of ours.
 * @param foot - a line below: machine, versions, date.
 */
export function drawChart(rows: readonly BenchRow[], foot: string): string {
  const groups = groupsOf(rows);
  let y = 0;
  let body = "";
  for (const [title, bars] of groups) {
    body += text({ x: 0, y: y + 22, size: 14, value: title, weight: "bold" });
    y += TITLE_HEIGHT;
    const most = Math.max(...bars.map(({ value }) => value));
    for (const bar of bars) {
      body += drawBar(bar, y, most);
      y += BAR_HEIGHT + GAP;
    }
    y += GAP;
  }
  body += text({ x: 0, y: y + 16, size: 11, value: foot });
  const height = y + FOOT_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">\n  <title>Rates beside the peers</title>\n${body}</svg>\n`;
}

function groupsOf(rows: readonly BenchRow[]): ReadonlyMap<string, readonly Bar[]> {
  const groups = new Map<string, Bar[]>();
  for (const { scenario, unit, ours, peer, theirs } of rows) {
    const title = `${scenario} (${unit})`;
    const bars = groups.get(title) ?? [{ name: "ganglion", value: ours }];
    bars.push({ name: peer, value: theirs });
    groups.set(title, bars);
  }
  return groups;
}

function drawBar({ name, value }: Bar, y: number, most: number): string {
  const length = most > 0 ? Math.round((value / most) * (WIDTH - LABEL_WIDTH - 90)) : 0;
  const color = name === "ganglion" ? COLORS.ours : COLORS.theirs;
  const middle = y + BAR_HEIGHT - 5;
  return (
    text({ x: 0, y: middle, size: 12, value: name }) +
    `  <rect x="${LABEL_WIDTH}" y="${y}" width="${length}" height="${BAR_HEIGHT}" fill="${color}"/>\n` +
    text({
      x: LABEL_WIDTH + length + 8,
      y: middle,
      size: 12,
      value: Math.round(value).toLocaleString("en-US"),
    })
  );
}

interface Text {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly value: string;
  readonly weight?: "bold";
}

function text({ x, y, size, value, weight }: Text): string {
  const escaped = value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const bold = weight === undefined ? "" : ` font-weight="${weight}"`;
  return `  <text x="${x}" y="${y}" font-family="sans-serif" font-size="${size}"${bold} fill="${COLORS.text}">${escaped}</text>\n`;
}
