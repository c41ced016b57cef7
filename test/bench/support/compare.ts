import { type BenchContext, type BenchRow, type Goal, isAsked } from "./bench.js";

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

/** One of several things a measurement tells. */
export interface Figure {
  /** Added to the scenario's name; empty for the main one. */
  readonly name: string;
  readonly unit: string;
  readonly goals?: Readonly<Record<string, Goal>>;
}

/** What a measurement tells, one number for each figure, in their order. NaN where a machine cannot tell. */
export type Measurements = () => Promise<readonly number[]>;

/** One scenario whose measurement tells several things. */
export interface FigureComparison {
  readonly scenario: string;
  readonly figures: readonly Figure[];
  readonly ours: Measurements;
  readonly peers: Readonly<Record<string, Measurements>>;
}

/**
 * Measures all sides in turn, round after round, so that a change of the machine's mood meets every side; the
 * order turns with each round. One round before them warms up and is not counted.
 *
 * @returns one row for each peer; its ratio is the median of the ratios within a round.
 */
export function compare(context: BenchContext, comparison: Comparison): Promise<readonly BenchRow[]> {
  const { scenario, unit, ours, peers, goals } = comparison;
  const single = (measure: Measurement) => async () => [await measure()];
  return compareFigures(context, {
    scenario,
    figures: [{ name: "", unit, ...(goals && { goals }) }],
    ours: single(ours),
    peers: Object.fromEntries(Object.entries(peers).map(([name, measure]) => [name, single(measure)])),
  });
}

/** {@link compare} for measurements that tell several things. @returns a row for each figure and peer. */
export async function compareFigures(
  context: BenchContext,
  comparison: FigureComparison,
): Promise<readonly BenchRow[]> {
  const { scenario, figures } = comparison;
  if (!isAsked(context, scenario)) return [];
  const sides = Object.entries({ [OURS]: comparison.ours, ...comparison.peers });
  const rounds: Round[] = [];
  for (let round = 0; round <= context.rounds; round++) {
    const taken = await measureRound(rotate(sides, round));
    if (round > 0) rounds.push(taken);
    const shown = sides.map(([name]) => `${name} ${(taken[name] ?? []).map(round3).join(" / ")}`).join(", ");
    const units = figures.map(({ unit }) => unit).join(" / ");
    context.log(`${scenario}: ${round === 0 ? "warm-up" : `round ${round}`}: ${shown} ${units}`);
  }
  return figures.flatMap((figure, index) =>
    Object.keys(comparison.peers).map((peer) => row({ scenario, figure, index, peer }, rounds)),
  );
}

const OURS = "ganglion";

/** The numbers of each side. */
type Round = Readonly<Record<string, readonly number[]>>;

function round3(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

async function measureRound(sides: readonly [string, Measurements][]): Promise<Round> {
  const taken: Record<string, readonly number[]> = {};
  for (const [name, measure] of sides) taken[name] = await measure();
  return taken;
}

function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

interface RowPlace {
  readonly scenario: string;
  readonly figure: Figure;
  readonly index: number;
  readonly peer: string;
}

function row({ scenario, figure, index, peer }: RowPlace, rounds: readonly Round[]): BenchRow {
  const ours = rounds.map((round) => round[OURS]?.[index] ?? Number.NaN);
  const theirs = rounds.map((round) => round[peer]?.[index] ?? Number.NaN);
  const ratios = ours.map((value, at) => value / (theirs[at] ?? Number.NaN));
  const goal = figure.goals?.[peer];
  return {
    scenario: figure.name === "" ? scenario : `${scenario}: ${figure.name}`,
    unit: figure.unit,
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
