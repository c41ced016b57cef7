import { setTimeout as delay } from "node:timers/promises";
import type { ClientJob, ClientReport } from "./job.js";

/** Counts what arrives from a stream that was filled before. */
export class Counter {
  private count = 0;
  private firstMs = 0;
  private lastMs = 0;

  add(): void {
    this.lastMs = performance.now();
    if (this.count++ === 0) this.firstMs = this.lastMs;
  }

  /** Rate from the first message on, until the time is over or nothing comes any more. */
  async measure(job: ClientJob): Promise<ClientReport> {
    const untilMs = performance.now() + job.seconds * 1_000;
    while (performance.now() < untilMs) {
      const before = this.count;
      await delay(200);
      if (this.count > 0 && this.count === before) break;
    }
    const perSecond = this.count / ((this.lastMs - this.firstMs) / 1_000);
    return { perSecond, p50Us: Number.NaN, p99Us: Number.NaN };
  }
}
