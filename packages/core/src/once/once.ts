import { type Clock, pause } from "@ganglion/kernel";
import { LRUCache } from "lru-cache";
import { coreError } from "../errors.js";
import { ServiceError } from "../messages/service-error.js";
import type { WireForm } from "../messages/wire-form.js";
import type { OnceRecords, PlacedRecord, StoredOutcome } from "./once-records.js";

/** Wire forms of what a method returns and of the errors it declares. */
export interface OutcomeForms {
  readonly output: WireForm | undefined;
  readonly errors: ReadonlyMap<string, WireForm>;
}

/** A piece of work that shall be done once. */
export interface OnceWork {
  readonly key: string;
  /** How long it may take: somebody else's work that shows no outcome for so long is taken over. */
  readonly leaseMs: number;
  /**
   * The server gave the work to this process because the other one lost it: it is taken over at once. The other one
   * can finish what it does, but its outcome does not count.
   */
  readonly handedOver: boolean;
  readonly signal: AbortSignal | undefined;
  run(): unknown;
}

const POLL_MS = 100;
const MAX_WAITED_FOR = 10_000;

/**
 * Does work once for each key, also over restarts and processes: a record is written before and after, and whoever
 * comes later gets the stored outcome. A process that dies in between leaves the work to the next one, so what a
 * method does outside may happen again: that needs the idempotency key.
 */
export class Once {
  private readonly running = new Map<string, Promise<unknown>>();
  /** Work of other processes that was waited for, and since when. */
  private readonly waitedFor = new LRUCache<string, { readonly sequence: number; readonly sinceMs: number }>({
    max: MAX_WAITED_FOR,
  });

  constructor(
    private readonly options: {
      readonly records: OnceRecords;
      readonly forms: OutcomeForms;
      readonly clock: Clock;
      /** A text no other call in no other process returns. */
      readonly uniqueId: () => string;
    },
  ) {}

  /** @returns what the work returned, now or before. @throws what it failed with; `ONCE_FENCED` when it was taken over */
  do(work: OnceWork): Promise<unknown> {
    const same = this.running.get(work.key);
    if (same !== undefined) return same;
    const outcome = this.attempt(work).finally(() => this.running.delete(work.key));
    this.running.set(work.key, outcome);
    return outcome;
  }

  private async attempt(work: OnceWork): Promise<unknown> {
    const { records, uniqueId } = this.options;
    const owner = uniqueId();
    for (let found = await records.read(work.key); ; found = await records.read(work.key)) {
      if (found !== undefined && found.record.state !== "running") return this.replay(found.record);
      if (found !== undefined && !work.handedOver && (await this.changes(work, found))) continue;
      const claim = { state: "running", owner, leaseMs: work.leaseMs } as const;
      const sequence = await records.write(work.key, claim, found?.sequence ?? 0);
      if (sequence !== undefined) return this.perform(work, sequence);
    }
  }

  /** Waits for another process. @returns false when it takes longer than it may */
  private async changes({ key, signal }: OnceWork, found: PlacedRecord): Promise<boolean> {
    const { clock, records } = this.options;
    const leaseMs = found.record.state === "running" ? found.record.leaseMs : 0;
    // From when this process first saw it: callers whose deadlines are shorter than the lease come again and again.
    const untilMs = this.firstSeenMs(key, found.sequence) + leaseMs;
    while (clock.monotonicMs() < untilMs) {
      await pause(clock, POLL_MS, signal);
      signal?.throwIfAborted();
      if ((await records.read(key))?.sequence !== found.sequence) return true;
    }
    return false;
  }

  private firstSeenMs(key: string, sequence: number): number {
    const known = this.waitedFor.get(key);
    if (known?.sequence === sequence) return known.sinceMs;
    const sinceMs = this.options.clock.monotonicMs();
    this.waitedFor.set(key, { sequence, sinceMs });
    return sinceMs;
  }

  private async perform(work: OnceWork, sequence: number): Promise<unknown> {
    const { records } = this.options;
    let value: unknown;
    let outcome: StoredOutcome;
    try {
      value = await work.run();
      outcome = { state: "done", value: this.options.forms.output?.encodeText(value) ?? "" };
    } catch (error) {
      const failed = this.declared(error);
      if (failed === undefined) {
        // Nothing is decided: the next attempt need not wait for the lease. It would take the record over anyway.
        await records.remove(sequence).catch(() => {});
        throw error;
      }
      await this.store(work, failed, sequence);
      throw error;
    }
    await this.store(work, outcome, sequence);
    return value;
  }

  private async store({ key }: OnceWork, outcome: StoredOutcome, sequence: number): Promise<void> {
    if ((await this.options.records.write(key, outcome, sequence)) !== undefined) return;
    throw coreError("ONCE_FENCED", "Another process took the work over: this outcome does not count", {
      retryable: true,
    });
  }

  /** A declared error is an answer like any other. */
  private declared(error: unknown): StoredOutcome | undefined {
    const form = error instanceof ServiceError ? this.options.forms.errors.get(error.code) : undefined;
    if (!(error instanceof ServiceError) || form === undefined) return undefined;
    const { code, message, retryable, data } = error;
    return { state: "failed", code, message, retryable, data: form.encodeText(data) };
  }

  private replay(outcome: StoredOutcome): unknown {
    if (outcome.state === "done") return parsed(outcome.value);
    const { code, message, retryable, data } = outcome;
    throw new ServiceError(code, message, { retryable, data: parsed(data) });
  }
}

/** In the form in which methods return values: that is the wire's. */
function parsed(json: string): unknown {
  return json === "" ? undefined : JSON.parse(json);
}
