import type { TestBroker } from "@ganglion/testing";
import type { CuttingProxy } from "./cutting-proxy.js";
import type { Fleet } from "./fleet.js";

/** What a {@link Monkey} breaks. */
export interface Surroundings {
  readonly fleet: Fleet;
  readonly broker: TestBroker;
  readonly proxy: CuttingProxy;
}

/** Longer than the workers' ack wait, so that what a paused one holds goes to another. */
const PAUSE_MS = 3_000;

/** Breaks something again and again, in an order that depends on the seed only. */
export class Monkey {
  readonly done: Record<string, number> = {};
  private state: number;

  constructor(
    private readonly surroundings: Surroundings,
    seed: number,
  ) {
    this.state = seed;
  }

  /** Goes on for so long, and returns when nothing is broken any more. */
  async rage(milliseconds: number): Promise<void> {
    const untilMs = performance.now() + milliseconds;
    const { fleet, broker, proxy } = this.surroundings;
    const acts: readonly (readonly [string, () => Promise<void> | void])[] = [
      ["worker killed", () => fleet.kill(this.below(fleet.size))],
      ["worker paused", () => fleet.pause(this.below(fleet.size), PAUSE_MS)],
      ["worker stopped", () => fleet.stop(this.below(fleet.size))],
      ["connections cut", () => proxy.cut()],
      ["server killed", () => broker.restart({ signal: "SIGKILL" })],
      ["server restarted", () => broker.restart({ signal: "SIGTERM" })],
    ];
    // Each once, in random order, then any of them.
    for (let waiting = this.shuffled(acts); performance.now() < untilMs; ) {
      const [name, act] = waiting.pop() ?? (acts[this.below(acts.length)] as (typeof acts)[number]);
      await act();
      this.done[name] = (this.done[name] ?? 0) + 1;
      await new Promise((resolve) => setTimeout(resolve, 300 + this.below(900)));
    }
    await fleet.started();
  }

  private shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    return items.map(() => rest.splice(this.below(rest.length), 1)[0] as T); // one is left at each turn
  }

  /** Source: Numerical Recipes, a linear congruential generator of 32 bits. */
  private below(limit: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
}
