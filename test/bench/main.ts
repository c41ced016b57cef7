import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Bench, type BenchRow, reachesGoal } from "./support/bench.js";
import { drawChart } from "./support/chart.js";
import { formatMachine, type MachineFacts, machineFacts } from "./support/machine.js";
import { formatRows } from "./support/table.js";

const USAGE = `npm run bench -- [name...] [options]

Measures Ganglion beside its peers, alternately, on this machine. Without a name it lists the benchmarks.

  --seconds <n>     length of one measurement, default 3
  --rounds <n>      measurements of each side, default 5; the median counts
  --rows <texts>    only rows whose name contains one of the texts, which are separated by ";"
  --json            one JSON document on stdout instead of tables (use npm run --silent)
  --chart <file>    draws the rates as SVG into the file
  --check           exit with 1 when a goal is missed
  --help            this text`;

const directory = fileURLToPath(new URL(".", import.meta.url));

/** A benchmark is a folder with a `main.ts`. */
function benchNames(): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`${directory}${entry.name}/main.ts`))
    .map((entry) => entry.name)
    .sort();
}

async function loadBench(name: string): Promise<Bench> {
  const module = (await import(pathToFileURL(`${directory}${name}/main.ts`).href)) as { default: Bench };
  return module.default;
}

async function listBenches(names: readonly string[]): Promise<void> {
  console.log(`${USAGE}\n\nBenchmarks:`);
  for (const name of names) console.log(`  ${name.padEnd(16)}  ${(await loadBench(name)).description}`);
  if (names.length === 0) console.log("  none");
}

function positive(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`--${flag} ${JSON.stringify(text)}: use a number above 0`);
}

/** Rates only: bars of times would be the shorter the better. */
function chartOf(results: Readonly<Record<string, readonly BenchRow[]>>, machine: MachineFacts): string {
  const rates = Object.values(results)
    .flat()
    .filter(({ unit }) => unit.endsWith("/s"));
  const { date, cpu, cores, node, natsServer, natsClient, load } = machine;
  return drawChart(
    rates,
    `${date.slice(0, 10)}, ${cpu}, ${cores} cores, node ${node}, ${natsServer}, ${natsClient}, load ${load}`,
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "5" },
      rows: { type: "string" },
      json: { type: "boolean", default: false },
      chart: { type: "string" },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const names = benchNames();
  if (values.help || positionals.length === 0) {
    await listBenches(names);
    return 0;
  }
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`No benchmark ${JSON.stringify(unknown)}: use one of ${names.join(", ")}`);
  }
  const context = {
    seconds: positive(values.seconds, "seconds"),
    rounds: Math.ceil(positive(values.rounds, "rounds")),
    rows: values.rows?.split(";").map((text) => text.trim()),
    log: (line: string) => console.error(line),
  };
  const machine = machineFacts();
  const results: Record<string, readonly BenchRow[]> = {};
  for (const name of positionals) results[name] = await (await loadBench(name)).run(context);
  if (values.chart !== undefined) writeFileSync(values.chart, chartOf(results, machine));
  if (values.json) {
    console.log(
      JSON.stringify({ machine, seconds: context.seconds, rounds: context.rounds, results }, null, 2),
    );
  } else {
    console.log(`${formatMachine(machine)}\n${context.rounds} rounds of ${context.seconds} s`);
    for (const [name, rows] of Object.entries(results)) console.log(`\n${name}\n${formatRows(rows)}`);
  }
  return values.check && !Object.values(results).flat().every(reachesGoal) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof RangeError || error instanceof TypeError ? error.message : error);
  process.exitCode = 2;
}
