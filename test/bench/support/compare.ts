import type { BenchContext, BenchRow, Goal } from "./bench.js";

/** Takes one measurement and gives its figure, in the unit of the comparison. */
export type Measurement = () => Promise<number>;

/** One scenario, measured on our side and on each peer. */
export interface Comparison {
  readonly scenario: string;
  readonly unit: string;
  readonly ours: Measurement;
  /** By the peer's name. */
  readonly peers: Readonly<Record<string, Measurement>>;
  /** By the peer's name; a peer without one is only reported. */
  readonly goals?: Readonly<Record<string, Goal>>;
}

/**
 * Measures all sides in turn, round after round, so that a change of the machine's mood meets every side; the
 * order turns with each round. One round before them warms up and is not counted.
 *
 * @returns one row for each peer; its ratio is the median of the ratios within a round.
 */
export async function compare(context: BenchContext, comparison: Comparison): Promise<readonly BenchRow[]> {
  const { scenario, unit } = comparison;
  if (context.scenario !== undefined && !scenario.includes(context.scenario)) return [];
  const sides = Object.entries({ ganglion: comparison.ours, ...comparison.peers });
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round <= context.rounds; round++) {
    const figures = await measureRound(rotate(sides, round));
    if (round > 0) rounds.push(figures);
    const shown = sides.map(([name]) => `${name} ${Math.round(figures[name] ?? 0)}`).join(", ");
    context.log(`${scenario}: ${round === 0 ? "warm-up" : `round ${round}`}: ${shown} ${unit}`);
  }
  return Object.keys(comparison.peers).map((peer) => row(comparison, peer, rounds));
}

async function measureRound(sides: readonly [string, Measurement][]): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [name, measure] of sides) figures[name] = await measure();
  return figures;
}

function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

function row(comparison: Comparison, peer: string, rounds: readonly Record<string, number>[]): BenchRow {
  const ours = rounds.map((figures) => figures.ganglion ?? Number.NaN);
  const theirs = rounds.map((figures) => figures[peer] ?? Number.NaN);
  const ratios = ours.map((figure, index) => figure / (theirs[index] ?? Number.NaN));
  const goal = comparison.goals?.[peer];
  return {
    scenario: comparison.scenario,
    unit: comparison.unit,
    ours: median(ours),
    peer,
    theirs: median(theirs),
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    ...(goal === undefined ? {} : { goal }),
  };
}

/** The middle value, or the mean of the two middle ones. NaN for no values. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The value below which `percent` of the values lie, interpolated between neighbours. NaN for no values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const position = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
