import { setTimeout as pause } from "node:timers/promises";
import type { App } from "@ganglion/core";
import { isGanglionError } from "@ganglion/kernel";
import { Chaos } from "./contract.js";

const TIMEOUT_MS = 1_000;
/** A call that is not settled so long after its deadline hangs. Both are timers of this process. */
const GRACE_MS = 1_000;
/** Pause between two rounds; a round is one of everything, and a few requests. */
const ROUND_MS = 40;
const REQUESTS_PER_ROUND = 3;

/** Sends requests, tasks and events all the time, and knows what it has sent. */
export class Load {
  readonly requests = { sent: 0, answered: 0, wrong: 0, hung: 0, failed: {} as Record<string, number> };
  /** Ids of what was stored, by kind. */
  readonly stored = { work: [], poison: [], apply: [], happened: [] } as Record<
    "work" | "poison" | "apply" | "happened",
    string[]
  >;
  /** Numbers that were asked for twice, and got differently. */
  readonly numbers = { asked: 0, different: 0 };
  private readonly pending = new Set<Promise<void>>();

  constructor(private readonly app: App) {}

  /** Goes on until it is told to stop, and until everything that was begun is settled. */
  async run(stop: AbortSignal): Promise<void> {
    for (let round = 0; !stop.aborted; round++) {
      const data = { id: String(round) };
      for (let n = 0; n < REQUESTS_PER_ROUND; n++) this.begin(this.ask({ id: `${round}.${n}` }));
      this.begin(this.twice(data));
      this.begin(this.store("work", data.id, () => this.app.enqueue(Chaos.work, data, { id: `w${round}` })));
      this.begin(
        this.store("apply", data.id, () => this.app.enqueue(Chaos.apply, data, { id: `a${round}` })),
      );
      this.begin(
        this.store("happened", data.id, () => this.app.emit(Chaos.happened, data, { id: `h${round}` })),
      );
      if (round % 10 === 0) {
        this.begin(
          this.store("poison", data.id, () => this.app.enqueue(Chaos.poison, data, { id: `p${round}` })),
        );
      }
      await pause(ROUND_MS);
    }
    await Promise.all(this.pending);
  }

  private begin(work: Promise<void>): void {
    this.pending.add(work);
    void work.finally(() => this.pending.delete(work));
  }

  private async ask(input: { readonly id: string }): Promise<void> {
    const { requests } = this;
    requests.sent++;
    const late = setTimeout(() => requests.hung++, TIMEOUT_MS + GRACE_MS);
    try {
      const { id } = await this.app.client(Chaos).ask(input, { timeout: TIMEOUT_MS });
      if (id === input.id) requests.answered++;
      else requests.wrong++;
    } catch (error) {
      const code = isGanglionError(error) ? error.code : String(error);
      requests.failed[code] = (requests.failed[code] ?? 0) + 1;
    } finally {
      clearTimeout(late);
    }
  }

  /** Asks for one number twice, each time until there is an answer. */
  private async twice(input: { readonly id: string }): Promise<void> {
    const options = { idempotencyKey: `n${input.id}`, timeout: TIMEOUT_MS };
    const ask = () => untilDone(() => this.app.client(Chaos).number(input, options));
    const [first, second] = [await ask(), await ask()];
    this.numbers.asked++;
    if (first.number !== second.number) this.numbers.different++;
  }

  /** Tries until the server says that it has it: with the same id, so that it has it once. */
  private async store(kind: keyof Load["stored"], id: string, send: () => Promise<unknown>): Promise<void> {
    await untilDone(send);
    this.stored[kind].push(id);
  }
}

async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await pause(100);
    }
  }
}
