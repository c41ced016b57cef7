import { fileURLToPath } from "node:url";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { startTestBroker, type TestBrokerKind } from "@ganglion/testing";
import { cpuMicroseconds } from "../broker/server-process.js";
import { type BenchContext, type BenchRow, isAsked } from "../support/bench.js";
import { compareFigures, type Figure } from "../support/compare.js";
import { type ClientReport, INPUT, TRACEPARENT } from "./job.js";
import { BenchProcess } from "./processes.js";

/** A client of one framework, and where it needs one a server, in processes of their own. */
export interface Side {
  readonly server?: string;
  readonly client: string;
}

/** A scenario and who takes part in it; one of them is `ganglion`. */
export interface Scenario {
  readonly name: string;
  readonly sides: Readonly<Record<string, Side>>;
  readonly inFlight: number;
  readonly figures: readonly (Figure & { readonly of: (report: SideReport) => number })[];
  /** Messages in the stream before each measurement. */
  readonly stored?: (context: BenchContext) => number;
}

/** What a side measured. */
export interface SideReport extends ClientReport {
  /** Processor time of client and service together for each operation. */
  readonly allCpuUs: number;
}

/** @param path - from the folder of this file. */
export function script(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** What the scenarios run on: NATS' own server, and ours as a process. */
const BROKERS: readonly (readonly [TestBrokerKind, string])[] = [
  ["nats-server", "nats-server"],
  ["broker-process", "ganglion-broker"],
];
const STREAM = "bench-events";
const AHEAD = 1_000;

/** Runs scenarios against either broker. */
export async function runScenarios(
  context: BenchContext,
  scenarios: readonly Scenario[],
): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const [kind, broker] of BROKERS) {
    for (const scenario of scenarios) {
      const name = `${scenario.name}, ${broker}`;
      if (isAsked(context, name)) rows.push(...(await runScenario(context, { ...scenario, name }, kind)));
    }
  }
  return rows;
}

async function runScenario(
  context: BenchContext,
  scenario: Scenario,
  kind: TestBrokerKind,
): Promise<readonly BenchRow[]> {
  await using broker = await startTestBroker({ kind });
  await using transport = await connectNats({ servers: broker.url });
  const stored = scenario.stored?.(context);
  if (stored !== undefined) await fill(transport, stored);
  const measurement = (side: Side) => async () => {
    if (stored === 0) await transport.jetstream.streams.purge(STREAM);
    const report = await measure(side, {
      url: broker.url,
      seconds: context.seconds,
      inFlight: scenario.inFlight,
    });
    return scenario.figures.map(({ of }) => of(report));
  };
  const { ganglion, ...peers } = scenario.sides;
  if (ganglion === undefined) throw new RangeError(`${scenario.name} has no side of ours`);
  return await compareFigures(context, {
    scenario: scenario.name,
    figures: scenario.figures,
    ours: measurement(ganglion),
    peers: Object.fromEntries(Object.entries(peers).map(([peer, side]) => [peer, measurement(side)])),
  });
}

async function measure(
  side: Side,
  job: { readonly url: string; readonly seconds: number; readonly inFlight: number },
): Promise<SideReport> {
  await using server = side.server === undefined ? undefined : BenchProcess.start(side.server, [job.url]);
  await server?.ready();
  await using client = BenchProcess.start(side.client);
  const before = server === undefined ? 0 : cpuMicroseconds(server.pid);
  const report = await client.run(job);
  const used = server === undefined ? 0 : cpuMicroseconds(server.pid) - before;
  return { ...report, allCpuUs: report.cpuUs + used / report.operations };
}

/** Creates the stream, as an app would, with so many events in it. */
async function fill({ jetstream }: Transport, count: number): Promise<void> {
  await jetstream.streams.ensure({ name: STREAM, subjects: ["bench.placed"] });
  const body = JSON.stringify(INPUT);
  const headers = [["traceparent", TRACEPARENT]] as const;
  for (let stored = 0; stored < count; stored += AHEAD) {
    await Promise.all(
      Array.from({ length: AHEAD }, () => jetstream.append("bench.placed", body, { headers })),
    );
  }
}
