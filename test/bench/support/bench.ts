/** What the command line asks of a benchmark. */
export interface BenchContext {
  /** How long one measurement lasts, in seconds. */
  readonly seconds: number;
  /** How many measurements are taken of each side; the median counts. */
  readonly rounds: number;
  /** Only scenarios whose name contains one of these texts, undefined for all. */
  readonly rows: readonly string[] | undefined;
  /** Tells about progress, on stderr. */
  readonly log: (line: string) => void;
}

/** Whether the command line asks for a row. */
export function isAsked({ rows }: BenchContext, name: string): boolean {
  return rows === undefined || rows.some((text) => name.includes(text));
}

/** What a figure must reach: a ratio of ours to the peer's. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

/** One scenario against one peer, as medians over the rounds. */
export interface BenchRow {
  readonly scenario: string;
  /** Of `ours` and `theirs`, such as `msg/s` or `ms`. */
  readonly unit: string;
  readonly ours: number;
  readonly peer: string;
  readonly theirs: number;
  /** Median over the rounds of ours / theirs. */
  readonly ratio: number;
  /** Smallest and largest ratio of a round. */
  readonly ratioRange: readonly [number, number];
  readonly goal?: Goal;
}

/** A benchmark: the default export of `test/bench/<name>/main.ts`. */
export interface Bench {
  /** One line for the list of benchmarks. */
  readonly description: string;
  run(context: BenchContext): Promise<readonly BenchRow[]>;
}

/** Tells whether the ratio of a row reaches its goal; a row without one does. */
export function reachesGoal(row: BenchRow): boolean {
  if (row.goal === undefined) return true;
  return "atLeast" in row.goal ? row.ratio >= row.goal.atLeast : row.ratio <= row.goal.atMost;
}
