import { startTestBroker, type TestBrokerKind } from "@ganglion/testing";
import type { Bench, BenchContext, BenchRow } from "../support/bench.js";
import { compare } from "../support/compare.js";
import { BUCKETS } from "./buckets.js";
import { CONSUMING } from "./consuming.js";
import { PUBLISHING } from "./publishing.js";
import type { StreamScenario } from "./scenario.js";
import { SIZES } from "./sizes.js";

const PEER = "nats-server";
const SCENARIOS: readonly StreamScenario[] = [...PUBLISHING, ...CONSUMING, ...BUCKETS, ...SIZES];

/** Every measurement has a server and a store of its own. */
function measurement(scenario: StreamScenario, kind: TestBrokerKind, seconds: number) {
  const isUnsynced = scenario.unsynced && kind !== PEER; // nats-server syncs every 2 minutes by itself
  const config = isUnsynced ? { config: "jetstream { sync_interval: 2m }" } : {};
  return async () => {
    await using broker = await startTestBroker({ kind, ...config });
    return await scenario.measure(broker, seconds);
  };
}

async function run(context: BenchContext): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const scenario of SCENARIOS) {
    const { seconds } = context;
    rows.push(
      ...(await compare(context, {
        scenario: scenario.name,
        unit: scenario.unit,
        ours: measurement(scenario, "broker-process", seconds),
        peers: { [PEER]: measurement(scenario, PEER, seconds) },
        ...(scenario.goal && { goals: { [PEER]: scenario.goal } }),
      })),
    );
  }
  return rows;
}

const bench: Bench = {
  description: "streams of ganglion-broker and nats-server: publish, consume, buckets, opening, memory",
  run,
};

export default bench;
