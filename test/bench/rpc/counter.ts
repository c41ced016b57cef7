import { setTimeout as delay } from "node:timers/promises";
import type { ClientJob, ClientReport } from "./job.js";

/** Part of the measurement that does not count. */
const WARM_UP = 0.3;
const LOOK_MS = 100;

/** Counts what arrives from a stream that was filled before. */
export class Counter {
  private count = 0;
  private lastMs = 0;

  add(): void {
    this.count++;
    this.lastMs = performance.now();
  }

  /** Rate after the warm-up, until the time is over or nothing comes any more. */
  async measure(job: ClientJob): Promise<ClientReport> {
    while (this.count === 0) await delay(LOOK_MS);
    await delay(job.seconds * 1_000 * WARM_UP);
    const [startMs, startCpu, startCount] = [performance.now(), process.cpuUsage(), this.count];
    let cpu = { user: 0, system: 0 };
    for (let before = -1; this.count > before && performance.now() < startMs + job.seconds * 1_000; ) {
      before = this.count;
      await delay(LOOK_MS);
      if (this.count > before) cpu = process.cpuUsage(startCpu);
    }
    const count = this.count - startCount;
    return {
      perSecond: count / ((this.lastMs - startMs) / 1_000),
      p50Us: Number.NaN,
      p99Us: Number.NaN,
      cpuUs: (cpu.user + cpu.system) / count,
      operations: this.count,
    };
  }
}
