import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { Handler, type HandlerContext, type In, Service } from "@ganglion/core";
import { Participant } from "./saga-fixture.js";

/** What the participant does with a key that is new to it. */
export type Mood = "answer" | "refuse" | "silent" | "slow";

/**
 * The effects of a participant that honours idempotency keys: an effect is one line in a file, synced before the
 * answer. A key it knows is answered as the first time; a step whose compensation came first is refused.
 */
export class Ledger implements Disposable {
  requests = 0;
  private readonly refused = new Set<string>();
  private readonly known = new Set<string>();
  private readonly file: number;

  constructor(
    private readonly path: string,
    private readonly mood: (key: string) => Mood,
  ) {
    this.file = openSync(path, "a");
  }

  /** @returns whether the effect happened, now or before, and how to answer. */
  take(key: string): { readonly done: boolean; readonly mood: Mood } {
    this.requests++;
    if (this.refused.has(key)) return { done: false, mood: "answer" };
    if (this.known.has(key)) return { done: true, mood: "answer" };
    const mood = this.mood(key);
    if (mood === "refuse" || this.known.has(`${key}:compensate`)) {
      this.refused.add(key);
      return { done: false, mood };
    }
    writeSync(this.file, `${key}\n`);
    fsyncSync(this.file);
    this.known.add(key);
    return { done: true, mood };
  }

  /** Effects in the order they happened. */
  effects(): string[] {
    return readFileSync(this.path, "utf8").split("\n").filter(Boolean);
  }

  [Symbol.dispose](): void {
    closeSync(this.file);
  }
}

/** The participant's service, for one ledger. */
export function participant(ledger: Ledger) {
  @Service(Participant)
  class LedgerService {
    @Handler(Participant.apply)
    async apply({ key }: In<typeof Participant.apply>, ctx: HandlerContext<typeof Participant.apply>) {
      if (ctx.idempotencyKey !== key)
        throw new RangeError(`the key arrived as ${ctx.idempotencyKey}, not ${key}`);
      const { done, mood } = ledger.take(key);
      if (mood === "silent") await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
      if (mood === "slow") await new Promise((resolve) => setTimeout(resolve, 600));
      if (!done) throw ctx.error("REFUSED", {});
      return { key };
    }
  }
  return LedgerService;
}
