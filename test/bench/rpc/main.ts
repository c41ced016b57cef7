import { fileURLToPath } from "node:url";
import { connectNats, type Transport } from "@ganglion/core/internal";
import { startTestBroker } from "@ganglion/testing";
import { type Bench, type BenchContext, type BenchRow, type Goal, isAsked } from "../support/bench.js";
import { compare } from "../support/compare.js";
import { installPeers } from "./install-peers.js";
import { type ClientReport, INPUT, TRACEPARENT } from "./job.js";
import { BenchProcess } from "./processes.js";

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A client of one framework, and where it needs one a server, in processes of their own. */
interface Side {
  readonly server?: string;
  readonly client: string;
}

const CALLING: Readonly<Record<string, Side>> = {
  ganglion: { server: script("./sides/ganglion-server.ts"), client: script("./sides/ganglion-client.ts") },
  "nats.js": { server: script("./sides/nats-server.ts"), client: script("./sides/nats-client.ts") },
  moleculer: {
    server: script("../peers/moleculer-server.ts"),
    client: script("../peers/moleculer-client.ts"),
  },
  nestjs: { server: script("../peers/nestjs-server.ts"), client: script("../peers/nestjs-client.ts") },
};
const EMITTING: Readonly<Record<string, Side>> = {
  ganglion: { client: script("./sides/ganglion-emit.ts") },
  "nats.js": { client: script("./sides/nats-publish.ts") },
};
const CONSUMING: Readonly<Record<string, Side>> = {
  ganglion: { client: script("./sides/ganglion-consume.ts") },
  "nats.js": { client: script("./sides/nats-consume.ts") },
};

interface Scenario {
  readonly name: string;
  readonly unit: string;
  readonly sides: Readonly<Record<string, Side>>;
  readonly inFlight: number;
  readonly figure: (report: ClientReport) => number;
  readonly goals?: Readonly<Record<string, Goal>>;
  /** Messages in the stream before each measurement. */
  readonly stored?: number;
}

const rate = ({ perSecond }: ClientReport) => perSecond;

const SCENARIOS: readonly Scenario[] = [
  {
    name: "typed call, 64 in flight",
    unit: "calls/s",
    sides: CALLING,
    inFlight: 64,
    figure: rate,
    goals: { "nats.js": { atLeast: 2 }, moleculer: { atLeast: 1.5 }, nestjs: { atLeast: 2.5 } },
  },
  {
    name: "typed call, 64 in flight, p99",
    unit: "µs",
    sides: CALLING,
    inFlight: 64,
    figure: ({ p99Us }) => p99Us,
  },
  {
    name: "typed call, one at a time, p50",
    unit: "µs",
    sides: CALLING,
    inFlight: 1,
    figure: ({ p50Us }) => p50Us,
    goals: { "nats.js": { atMost: 1.05 } },
  },
  {
    name: "typed call, one at a time, p99",
    unit: "µs",
    sides: CALLING,
    inFlight: 1,
    figure: ({ p99Us }) => p99Us,
  },
  {
    name: "typed event stored and acknowledged, 256 in flight",
    unit: "events/s",
    sides: EMITTING,
    inFlight: 256,
    figure: rate,
    goals: { "nats.js": { atLeast: 2.5 } },
    stored: 0,
  },
  {
    name: "typed event consumed and acknowledged",
    unit: "events/s",
    sides: CONSUMING,
    inFlight: 1,
    figure: rate,
    goals: { "nats.js": { atLeast: 2 } },
    stored: 500_000,
  },
];

async function run(context: BenchContext): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const scenario of SCENARIOS) {
    if (!isAsked(context, scenario.name)) continue;
    if (scenario.sides === CALLING) await installPeers(context.log);
    await using broker = await startTestBroker({ kind: "nats-server" });
    await using transport = await connectNats({ servers: broker.url });
    if (scenario.stored !== undefined) await fill(transport, scenario.stored);
    const measurement = (side: Side) => async () => {
      if (scenario.stored === 0) await transport.jetstream.streams.purge(STREAM);
      return scenario.figure(
        await measure(side, { url: broker.url, seconds: context.seconds, inFlight: scenario.inFlight }),
      );
    };
    const { ganglion, ...peers } = scenario.sides;
    if (ganglion === undefined) continue;
    rows.push(
      ...(await compare(context, {
        scenario: scenario.name,
        unit: scenario.unit,
        ours: measurement(ganglion),
        peers: Object.fromEntries(Object.entries(peers).map(([peer, side]) => [peer, measurement(side)])),
        ...(scenario.goals !== undefined && { goals: scenario.goals }),
      })),
    );
  }
  return rows;
}

async function measure(
  side: Side,
  job: { readonly url: string; readonly seconds: number; readonly inFlight: number },
): Promise<ClientReport> {
  await using server = side.server === undefined ? undefined : BenchProcess.start(side.server, [job.url]);
  await server?.ready();
  await using client = BenchProcess.start(side.client);
  return await client.run(job);
}

const STREAM = "bench-events";
const AHEAD = 1_000;

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

const bench: Bench = {
  description: "typed calls and events beside nats.js, Moleculer and NestJS over one nats-server",
  run,
};

export default bench;
