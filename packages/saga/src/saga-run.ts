import { type Deferred, deferred, pause } from "@ganglion/kernel";
import { sagaError } from "./errors.js";
import { apply, type SagaEvent } from "./instance.js";
import { hasEnded, type JournalRecord, type SagaEntry } from "./journal.js";
import { type WriterPorts, writeEntry } from "./journal-writer.js";
import { LazyAbort } from "./lazy-abort.js";
import { runStep, type StepPorts } from "./step-runner.js";
import type { Trigger, TriggerPublisher } from "./triggers.js";

/** What a {@link SagaRun} works with. */
export interface RunPorts extends StepPorts, WriterPorts {
  readonly triggers: TriggerPublisher;
  /** This worker's name, unique among all workers ever started. */
  readonly owner: string;
  /** A value that was never used before. */
  nonce(): string;
  /** Called after the last entry of a saga is stored. */
  ended(entry: SagaEntry): void;
}

/**
 * How a run came to its end. `parked`: suspended or stuck; `released`: given up for another worker, on purpose; `lost`:
 * another worker holds the saga; `conflict`: it was not acquired, look again.
 */
export type RunEnd = "ended" | "parked" | "released" | "lost" | "conflict";

interface MailItem {
  readonly event: SagaEvent;
  /** Acked once the journal accounts for the event (I2). */
  readonly trigger?: Trigger;
}

/**
 * One saga held by this worker, from the moment it is acquired until it ends, waits or is lost. Every change goes
 * through the mailbox and one append at a time; steps start only when the entry that says so is stored.
 */
export class SagaRun {
  private record: JournalRecord | undefined;
  private mail: MailItem[] = [];
  private wakeUp: Deferred<void> | undefined;
  private readonly held: Trigger[] = [];
  /** Steps that were started and whose outcome is not stored yet. */
  private readonly inFlight = new Set<string>();
  private readonly abort = new LazyAbort();
  private releasing = false;
  private over = false;

  constructor(
    private readonly ports: RunPorts,
    readonly id: string,
  ) {}

  /**
   * The trigger keeps its lease until the run is over, and is acked unless the run is lost.
   *
   * @returns false when the run is over: the trigger is not taken.
   */
  hold(trigger: Trigger): boolean {
    if (!this.over) this.held.push(trigger);
    return !this.over;
  }

  /**
   * Takes in an event; `trigger` is acked when the event is stored.
   *
   * @returns false when the run is over: the event is not taken.
   */
  post(event: SagaEvent, trigger?: Trigger): boolean {
    if (this.over) return false;
    this.mail.push(trigger === undefined ? { event } : { event, trigger });
    this.wakeUp?.resolve();
    return true;
  }

  /** Whether the journal accounts for a trigger already. */
  hasApplied(sequence: number): boolean {
    return this.record?.entry.applied.includes(sequence) === true;
  }

  /** Keeps the leases: the triggers', and when the entry is older than `maxAgeMs` that of the entry. */
  renew(maxAgeMs: number): void {
    for (const trigger of this.held) trigger.working();
    for (const { trigger } of this.mail) trigger?.working();
    const { clock } = this.ports;
    const atMs = clock.nowMs();
    if (this.record !== undefined && this.inFlight.size > 0 && atMs - this.record.entry.atMs >= maxAgeMs) {
      this.post({ type: "renewed", atMs });
    }
  }

  /** Starts no further step; the saga is given up when the running ones are over, or at once with `interrupt`. */
  release(options: { readonly interrupt: boolean }): void {
    this.releasing = true;
    if (options.interrupt) this.abort.abort(this.gone());
    this.wakeUp?.resolve();
  }

  /**
   * Acquires the saga by appending `first`, and runs it.
   *
   * @param base - the entry `first` follows; `undefined`: it starts the saga.
   * @returns `conflict` with all triggers unsettled; otherwise they are settled.
   */
  async run(first: SagaEntry, base: JournalRecord | undefined): Promise<RunEnd> {
    this.record = base;
    if ((await this.write(first)) !== "stored") return "conflict";
    try {
      let outcome: "stored" | "lost" = "stored";
      while (outcome === "stored") {
        const end = this.endOf();
        if (end !== undefined) return await this.finish(end);
        outcome = await this.advance();
      }
      return this.lose();
    } finally {
      if (this.inFlight.size > 0) this.abort.abort(this.gone());
    }
  }

  private gone() {
    const message = `Saga ${this.ports.definition.name} ${this.id} is not held by this worker any more`;
    return sagaError("SAGA_REVISION_LOST", message, {
      details: { saga: this.ports.definition.name, id: this.id },
    });
  }

  private get entry(): SagaEntry {
    return (this.record as JournalRecord).entry; // only read after the first append
  }

  private endOf(): RunEnd | undefined {
    const { status, dueAtMs } = this.entry;
    if (hasEnded(status)) return "ended";
    if (status === "stuck") return "parked";
    if (status !== "suspended") {
      return this.releasing && (this.inFlight.size === 0 || this.abort.aborted) ? "released" : undefined;
    }
    // Its timer may have been delivered before the entry was stored, and then is held here: do not ack it yet.
    const atMs = this.ports.clock.nowMs();
    if (dueAtMs !== undefined && dueAtMs <= atMs && !this.releasing) {
      this.post({ type: "woken", atMs });
      return undefined;
    }
    return this.mail.length === 0 || this.releasing ? "parked" : undefined;
  }

  /** Starts what the entry says, waits for something to happen and stores it. */
  private async advance(): Promise<"stored" | "lost"> {
    if (!this.releasing) this.launch();
    if (this.mail.length === 0) {
      this.wakeUp = deferred();
      await this.wakeUp.promise;
      this.wakeUp = undefined;
    }
    const mail = this.mail.splice(0);
    if (mail.length === 0) return "stored"; // woken to be released
    const outcome = await this.store(mail);
    for (const { event, trigger } of mail) {
      if ("step" in event) this.inFlight.delete(event.step);
      if (outcome === "stored") trigger?.ack();
      else trigger?.nak(LOST_REDELIVERY_MS);
    }
    return outcome;
  }

  /** Another worker may have noted a signal in the entry meanwhile: then the events are applied on top of that. */
  private async store(mail: readonly MailItem[]): Promise<"stored" | "lost"> {
    for (;;) {
      const base = this.entry;
      if (hasEnded(base.status)) return "stored"; // an operator ended it meanwhile
      const next = mail.reduce((entry, { event }) => apply(this.ports.definition, entry, event), base);
      const outcome = await this.write(next);
      if (outcome !== "rebased") return outcome;
    }
  }

  private launch(): void {
    const entry = this.entry;
    for (const [name, step] of Object.entries(entry.steps)) {
      const due = step.state === "running" || (step.state === "compensating" && step.dueAtMs === undefined);
      if (!due || this.inFlight.has(name)) continue;
      this.inFlight.add(name);
      runStep(this.ports, { entry, name, abort: this.abort }).then(
        (event) => event !== undefined && this.post(event),
        (error) => this.post({ type: "stuck", reason: String(error), atMs: this.ports.clock.nowMs() }),
      );
    }
  }

  private async write(next: SagaEntry): Promise<"stored" | "lost" | "rebased"> {
    const stamped = this.stamp(next);
    await this.setTimer(stamped);
    const outcome = await writeEntry(this.ports, stamped, this.record?.sequence ?? 0);
    if (outcome.kind === "refused") return await this.writeStuck(outcome.cause);
    if (outcome.kind === "stored") {
      this.record = outcome.record;
      return "stored";
    }
    const { last } = outcome;
    const mine = this.record?.entry;
    const noted =
      last !== undefined && last.entry.owner === this.ports.owner && last.entry.nonce === mine?.nonce;
    if (!noted) return "lost";
    this.record = last;
    return "rebased";
  }

  /** The new state can never be stored (too large): store that the saga is stuck, on the state that could be. */
  private async writeStuck(cause: unknown): Promise<"stored" | "lost"> {
    if (this.record === undefined) return "lost";
    const event: SagaEvent = { type: "stuck", reason: String(cause), atMs: this.ports.clock.nowMs() };
    const stuck = this.stamp(apply(this.ports.definition, this.record.entry, event));
    const outcome = await writeEntry(this.ports, stuck, this.record.sequence);
    if (outcome.kind !== "stored") return "lost";
    this.record = outcome.record;
    return "stored";
  }

  private stamp(entry: SagaEntry): SagaEntry {
    const held = entry.status === "running" || entry.status === "compensating";
    return { ...entry, nonce: this.ports.nonce(), owner: held ? this.ports.owner : "" };
  }

  /** The timer is stored before the entry that waits for it (I3); one too many does no harm. */
  private async setTimer(next: SagaEntry): Promise<void> {
    if (next.dueAtMs === undefined) return;
    const last = this.record?.entry;
    if (last?.status === "suspended" && last.dueAtMs === next.dueAtMs) return;
    const { triggers, clock, stopping } = this.ports;
    while (!stopping.aborted) {
      try {
        return await triggers.publishTimer(next.id, next.dueAtMs);
      } catch {
        await pause(clock, TIMER_RETRY_MS, stopping); // the broker is away; a second timer would do no harm
      }
    }
  }

  private async finish(end: RunEnd): Promise<RunEnd> {
    this.over = true;
    if (end === "released") return await this.giveBack();
    for (const trigger of this.held) trigger.ack();
    // An ended saga accounts for every signal: it ignores them. A parked one has no mail left unless it is released.
    for (const { trigger } of this.mail) {
      if (end === "ended") trigger?.ack();
      else trigger?.nak(0);
    }
    if (end === "ended") this.ports.ended(this.entry);
    return end;
  }

  /** Another worker may go on at once, knowing which steps were interrupted. */
  private async giveBack(): Promise<RunEnd> {
    const atMs = this.ports.clock.nowMs();
    const interrupted = this.inFlight.size > 0;
    const entry = interrupted
      ? apply(this.ports.definition, this.entry, { type: "interrupted", atMs })
      : this.entry;
    const released = { ...entry, atMs, nonce: this.ports.nonce(), owner: "" };
    await this.ports.journal.append(released, (this.record as JournalRecord).sequence); // run() appended before
    for (const trigger of this.triggers()) trigger.nak(0);
    return "released";
  }

  /** Ends a run that never acquired its saga: settles its first trigger, and gives others back. */
  dismiss(decision: { readonly kind: "done" } | { readonly kind: "later"; readonly delayMs: number }): void {
    this.over = true;
    const [first, ...others] = this.triggers();
    if (decision.kind === "done") first?.ack();
    else first?.nak(decision.delayMs);
    for (const trigger of others) trigger.nak(0);
  }

  /** Not acked: whoever holds the saga now, or the next delivery, accounts for the triggers. */
  private lose(): RunEnd {
    this.over = true;
    for (const trigger of this.triggers()) trigger.nak(LOST_REDELIVERY_MS);
    return "lost";
  }

  private triggers(): Trigger[] {
    return [...this.held, ...this.mail.flatMap((item) => item.trigger ?? [])];
  }
}

const LOST_REDELIVERY_MS = 1_000;
const TIMER_RETRY_MS = 250;
