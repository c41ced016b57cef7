import { cpuUsage } from "node:process";

/** Shortest time a percentage is taken over. */
const MIN_WINDOW_MS = 1000;

/** How busy the process keeps the processor, in percent of one core, since the last question that was long enough ago. */
export class CpuUse {
  private last = cpuUsage();
  private lastMs: number;
  private percent = 0;

  /** @param monotonicMs - the time now. */
  constructor(private readonly monotonicMs: () => number) {
    this.lastMs = monotonicMs();
  }

  read(): number {
    const nowMs = this.monotonicMs();
    const windowMs = nowMs - this.lastMs;
    if (windowMs < MIN_WINDOW_MS) return this.percent;
    const { user, system } = cpuUsage(this.last);
    this.last = cpuUsage();
    this.lastMs = nowMs;
    this.percent = Math.round((user + system) / 10 / windowMs);
    return this.percent;
  }
}
