import type { TestBroker } from "@ganglion/testing";
import type { Figure } from "../support/compare.js";
import { LoadProcess } from "./load.js";
import { cpuMicroseconds } from "./server-process.js";
import type { Audience, RateReport, WorkerJob } from "./worker-job.js";

const SUBJECT = "bench.subject";

/** How long to measure, with messages of what size. */
export interface LoadSize {
  readonly payloadBytes: number;
  readonly seconds: number;
}

/** A way to put load on a server. */
export interface Workload {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** @returns one number for each figure. */
  measure(broker: TestBroker, size: LoadSize): Promise<readonly number[]>;
}

const CPU: Figure = { name: "server CPU", unit: "µs/msg" };

interface Roles {
  readonly others: readonly WorkerJob[];
  readonly measuring: WorkerJob;
  /** Whether the others can start only when the measuring process is there. */
  readonly measuringFirst: boolean;
}

/** Starts the processes. @returns what one of them measured, and the server's CPU time per message. */
async function run(broker: TestBroker, { others, measuring, measuringFirst }: Roles) {
  const loads: LoadProcess[] = [];
  const start = async (job: WorkerJob) => {
    const load = await LoadProcess.start(job);
    loads.push(load);
    return load;
  };
  try {
    const early = measuringFirst ? await start(measuring) : undefined;
    for (const job of others) await start(job);
    const load = early ?? (await start(measuring));
    await load.started();
    const [cpuBefore, startedMs] = [cpuMicroseconds(broker.pid), performance.now()];
    const report = await load.rate();
    const messages = report.perSecond * ((performance.now() - startedMs) / 1000);
    return { report, cpu: (cpuMicroseconds(broker.pid) - cpuBefore) / messages };
  } finally {
    for (const load of loads) load[Symbol.dispose]();
  }
}

const publishing: Workload = {
  name: "publish without subscribers",
  figures: [{ name: "", unit: "msg/s", goals: { "nats-server": { atLeast: 1 } } }, CPU],
  measure: async (broker, size) => {
    const measuring = { ...size, url: broker.url, subject: SUBJECT, role: "publish" } as const;
    const { report, cpu } = await run(broker, { others: [], measuring, measuringFirst: false });
    return [report.perSecond, cpu];
  },
};

function delivering(name: string, audience: Audience, atLeast: number): Workload {
  return {
    name,
    figures: [{ name: "", unit: "msg/s", goals: { "nats-server": { atLeast } } }, CPU],
    measure: async (broker, size) => {
      const job = { ...size, ...audience, url: broker.url, subject: SUBJECT };
      const roles = { others: [{ ...job, role: "feed" }], measuring: { ...job, role: "count" } } as const;
      const { report, cpu } = await run(broker, { ...roles, measuringFirst: true });
      return [report.perSecond, cpu];
    },
  };
}

function requesting(inFlight: number): Workload {
  return {
    name: `request and reply, ${inFlight} in flight`,
    figures: [
      { name: "", unit: "req/s", goals: { "nats-server": { atLeast: 0.8 } } },
      { name: "p50", unit: "µs" },
      { name: "p99", unit: "µs" },
      { ...CPU, unit: "µs/req" },
    ],
    measure: async (broker, size) => {
      const job = { ...size, url: broker.url, subject: SUBJECT };
      const measuring = { ...job, role: "request", inFlight } as const;
      const roles = { others: [{ ...job, role: "respond" } as const], measuring, measuringFirst: false };
      const { report, cpu } = await run(broker, roles);
      const { perSecond, p50 = Number.NaN, p99 = Number.NaN }: RateReport = report;
      return [perSecond, p50, p99, cpu];
    },
  };
}

/** What is measured for every size of message. */
export const WORKLOADS: readonly Workload[] = [
  publishing,
  delivering("1 to 1", { subscribers: 1, queue: false }, 1.2),
  delivering("1 to 10", { subscribers: 10, queue: false }, 1),
  delivering("1 to 1000", { subscribers: 1000, queue: false }, 1),
  delivering("queue group of 10", { subscribers: 10, queue: true }, 1),
  requesting(1),
  requesting(64),
];
