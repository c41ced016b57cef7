import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import type { Transport, TransportSubscription } from "@ganglion/core/internal";
import { type Answer, PARTICIPANT } from "./saga-fixture.js";

/** What the participant does with a key that is new to it. */
export type Mood = "answer" | "refuse" | "silent" | "slow";

/**
 * A participant that honours idempotency keys: an effect is one line in a file, synced before the answer. A key it
 * knows is answered as the first time; a step whose compensation came first is refused.
 */
export class Ledger implements Disposable {
  readonly refused = new Set<string>();
  requests = 0;
  private readonly known = new Set<string>();
  private readonly file: number;
  private subscription: TransportSubscription | undefined;

  constructor(
    private readonly path: string,
    private readonly mood: (key: string) => Mood,
  ) {
    this.file = openSync(path, "a");
  }

  listen(transport: Transport): void {
    this.subscription?.unsubscribe();
    this.subscription = transport.subscribe(PARTICIPANT, {
      onMessage: ({ data, reply }) => {
        this.requests++;
        const key = new TextDecoder().decode(data);
        const fresh = !this.known.has(key) && !this.refused.has(key);
        const mood = fresh ? this.mood(key) : "answer";
        const answer = this.take(key, mood);
        if (reply === undefined || mood === "silent") return;
        const send = () => transport.publish(reply, new TextEncoder().encode(JSON.stringify(answer)));
        if (mood === "slow") setTimeout(send, 600);
        else send();
      },
    });
  }

  private take(key: string, mood: Mood): Answer {
    if (this.refused.has(key)) return { refused: "no" };
    if (this.known.has(key)) return {};
    if (mood === "refuse" || this.known.has(`${key}:compensate`)) {
      this.refused.add(key);
      return { refused: "no" };
    }
    writeSync(this.file, `${key}\n`);
    fsyncSync(this.file);
    this.known.add(key);
    return {};
  }

  /** Effects in the order they happened. */
  effects(): string[] {
    return readFileSync(this.path, "utf8").split("\n").filter(Boolean);
  }

  [Symbol.dispose](): void {
    this.subscription?.unsubscribe();
    closeSync(this.file);
  }
}
