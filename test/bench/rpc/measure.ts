import { percentile } from "../support/compare.js";
import type { ClientJob, ClientReport } from "./job.js";

/** Part of the measurement that does not count. */
const WARM_UP = 0.3;
/** One of so many latencies is kept, so that measuring costs little. */
const SAMPLE_EVERY = 7;

/**
 * Repeats an operation with so many in flight, and tells how often it was done and how long it took.
 *
 * @param operation - called again as soon as its promise resolves.
 */
export async function repeat(job: ClientJob, operation: () => Promise<unknown>): Promise<ClientReport> {
  const startMs = performance.now();
  const fromMs = startMs + job.seconds * 1_000 * WARM_UP;
  const untilMs = fromMs + job.seconds * 1_000;
  const latenciesUs: number[] = [];
  let count = 0;
  let nth = 0;
  let operations = 0;
  let cpuFrom = process.cpuUsage();
  const lane = async () => {
    for (;;) {
      const sentMs = performance.now();
      if (sentMs >= untilMs) return;
      await operation();
      operations++;
      if (sentMs < fromMs) continue;
      if (count === 0) cpuFrom = process.cpuUsage();
      count++;
      if (nth++ % SAMPLE_EVERY === 0) latenciesUs.push((performance.now() - sentMs) * 1_000);
    }
  };
  await Promise.all(Array.from({ length: job.inFlight }, lane));
  const cpu = process.cpuUsage(cpuFrom);
  return {
    perSecond: count / ((performance.now() - fromMs) / 1_000),
    p50Us: percentile(latenciesUs, 50),
    p99Us: percentile(latenciesUs, 99),
    cpuUs: (cpu.user + cpu.system) / count,
    operations,
  };
}

/** Runs the job the parent process sends, and sends back what it measured. */
export function onJob(run: (job: ClientJob) => Promise<ClientReport>): void {
  process.once("message", (job: ClientJob) => {
    run(job).then(
      (report) => process.send?.({ report }),
      (error) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.once("disconnect", () => process.exit());
}

/** Tells the parent process that requests can come. */
export function ready(): void {
  process.send?.({ ready: true });
  process.once("disconnect", () => process.exit());
}
