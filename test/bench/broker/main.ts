import { fileURLToPath } from "node:url";
import { startTestBroker, type TestBroker, type TestBrokerKind } from "@ganglion/testing";
import type { Bench, BenchContext, BenchRow } from "../support/bench.js";
import { compareFigures, type Figure, type Measurements } from "../support/compare.js";
import { memory, startUpMs } from "./footprint.js";
import { type LoadSize, WORKLOADS, type Workload } from "./workloads.js";

const PEER = "nats-server";
const BIN = fileURLToPath(new URL("../bin/ganglion-broker.mjs", import.meta.resolve("@ganglion/broker")));
const SIZES = [
  ["16 B", 16],
  ["128 B", 128],
  ["1 KiB", 1_024],
  ["64 KiB", 65_536],
] as const;

/** A row of the table, or several that one measurement fills. */
interface Row {
  readonly name: string;
  readonly figures: readonly Figure[];
  readonly ours: Measurements;
  readonly theirs: Measurements;
}

/** Every measurement has a server of its own, so that none inherits another's memory. */
function onServer(measure: (broker: TestBroker) => Promise<readonly number[]>): Pick<Row, "ours" | "theirs"> {
  const on = (kind: TestBrokerKind) => async () => {
    await using broker = await startTestBroker({ kind, jetstream: false });
    return await measure(broker);
  };
  return { ours: on("broker-process"), theirs: on(PEER) };
}

/** Goals are for 128 B; other sizes are only reported. */
function workloadRow({ name, figures, measure }: Workload, label: string, size: LoadSize): Row {
  const withoutGoals = figures.map(({ goals: _, ...figure }) => figure);
  return {
    name: `${name}, ${label}`,
    figures: size.payloadBytes === 128 ? figures : withoutGoals,
    ...onServer((broker) => measure(broker, size)),
  };
}

function rowsOf({ seconds }: BenchContext): readonly Row[] {
  const workloads = WORKLOADS.flatMap((workload) =>
    SIZES.map(([label, payloadBytes]) => workloadRow(workload, label, { payloadBytes, seconds })),
  );
  return [
    ...workloads,
    {
      name: "memory",
      figures: ["idle", "1,000 connections", "100,000 subscriptions"].map((name) => ({ name, unit: "MiB" })),
      ...onServer(memory),
    },
    {
      name: "start-up",
      figures: [{ name: "", unit: "ms" }],
      ours: async () => [await startUpMs([process.execPath, BIN])],
      theirs: async () => [await startUpMs([PEER])],
    },
  ];
}

async function run(context: BenchContext): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, figures, ours, theirs } of rowsOf(context)) {
    rows.push(
      ...(await compareFigures(context, { scenario: name, figures, ours, peers: { [PEER]: theirs } })),
    );
  }
  return rows;
}

const bench: Bench = {
  description: "ganglion-broker beside nats-server, as processes under raw sockets",
  run,
};

export default bench;
