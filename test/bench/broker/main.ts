import { startTestBroker, type TestBrokerKind } from "@ganglion/testing";
import type { Bench, BenchContext, BenchRow, Goal } from "../support/bench.js";
import { compare } from "../support/compare.js";
import { LoadProcess } from "./load.js";
import { openWire } from "./wire.js";

const CORE_PAYLOAD_BYTES = 128;
const STREAM_PAYLOAD_BYTES = 256;
const PEER = "nats-server";

interface BrokerScenario {
  readonly name: string;
  readonly unit: string;
  /** Absent: reported only. */
  readonly goal?: Goal;
  readonly jetstream?: boolean;
  /** Runs once against a fresh server. @returns operations per second. */
  measure(url: string, seconds: number): Promise<number>;
}

const SUBJECT = "bench.subject";

async function publishOnly(url: string, seconds: number): Promise<number> {
  const job = { url, seconds, subject: SUBJECT, payloadBytes: CORE_PAYLOAD_BYTES };
  using publisher = await LoadProcess.start({ ...job, role: "publish" });
  return await publisher.rate();
}

async function oneToOne(url: string, seconds: number): Promise<number> {
  const job = { url, seconds, subject: SUBJECT, payloadBytes: CORE_PAYLOAD_BYTES };
  using subscriber = await LoadProcess.start({ ...job, role: "count" });
  using _publisher = await LoadProcess.start({ ...job, role: "flood" });
  return await subscriber.rate();
}

function requestReply(inFlight: number): BrokerScenario["measure"] {
  return async (url, seconds) => {
    const job = { url, seconds, subject: SUBJECT, payloadBytes: CORE_PAYLOAD_BYTES };
    using _responder = await LoadProcess.start({ ...job, role: "respond" });
    using requester = await LoadProcess.start({ ...job, role: "request", inFlight });
    return await requester.rate();
  };
}

async function storedPublish(url: string, seconds: number): Promise<number> {
  const config = JSON.stringify({ name: "BENCH", subjects: [SUBJECT], storage: "file" });
  const create = `PUB $JS.API.STREAM.CREATE.BENCH bench.created ${config.length}\r\n${config}\r\n`;
  const admin = await openWire(url, `SUB bench.created 1\r\n`);
  const created = new Promise<string>((resolve) => admin.once("data", (chunk) => resolve(String(chunk))));
  admin.write(create);
  const answer = await created;
  if (!answer.includes('"config"')) throw new Error(`The stream was not created: ${answer}`);
  const job = { url, seconds, subject: SUBJECT, payloadBytes: STREAM_PAYLOAD_BYTES };
  using publisher = await LoadProcess.start({ ...job, role: "request", inFlight: 256 });
  const rate = await publisher.rate();
  admin.destroy();
  return rate;
}

const SCENARIOS: readonly BrokerScenario[] = [
  { name: "publish without subscribers, 128 B", unit: "msg/s", goal: { atLeast: 1 }, measure: publishOnly },
  { name: "publish to one subscriber, 128 B", unit: "msg/s", goal: { atLeast: 1.2 }, measure: oneToOne },
  { name: "request and reply, 1 in flight", unit: "req/s", goal: { atLeast: 0.8 }, measure: requestReply(1) },
  {
    name: "request and reply, 64 in flight",
    unit: "req/s",
    goal: { atLeast: 0.8 },
    measure: requestReply(64),
  },
  {
    name: "publish to a file stream with acknowledgement, 256 B, 256 in flight",
    unit: "msg/s",
    // No goal: ours is synced to the disk when it is acknowledged, nats-server's is not.
    jetstream: true,
    measure: storedPublish,
  },
];

/** Every measurement has a server of its own, so that none inherits another's memory. */
function measurement(scenario: BrokerScenario, kind: TestBrokerKind, seconds: number) {
  return async () => {
    await using broker = await startTestBroker({ kind, jetstream: scenario.jetstream ?? false });
    return await scenario.measure(broker.url, seconds);
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
  description: "ganglion-broker beside nats-server, as processes under raw sockets",
  run,
};

export default bench;
