import type { SagaDefinition } from "./definition.js";
import { apply, type SagaEvent, startEntry } from "./instance.js";
import { hasEnded, type JournalRecord, type SagaEntry } from "./journal.js";
import { type RunPorts, SagaRun } from "./saga-run.js";
import type { Trigger } from "./triggers.js";

/** Options of a {@link SagaWorker}. */
export interface WorkerOptions {
  /** A saga whose owner has not written for this long may be taken over; the ack wait of triggers, in milliseconds. */
  readonly leaseMs: number;
  /** Workers a saga may outlive without progress before it is stuck. */
  readonly maxTakeovers: number;
}

/** Runs the sagas of one class in one process: the loop from trigger to journal. */
export class SagaWorker {
  private readonly runs = new Map<string, SagaRun>();
  private readonly working = new Set<Promise<void>>();
  private stopped = false;

  constructor(
    private readonly ports: RunPorts,
    private readonly options: WorkerOptions,
  ) {}

  /** How many sagas are held. */
  get activeCount(): number {
    return this.runs.size;
  }

  /** Takes a trigger; it is settled sooner or later. */
  handle(trigger: Trigger): void {
    if (this.stopped) {
      trigger.nak(0);
      return;
    }
    const active = this.runs.get(trigger.id);
    if (active !== undefined && this.handOver(active, trigger)) return;
    const run = new SagaRun(this.ports, trigger.id);
    this.runs.set(trigger.id, run);
    const work = this.work(run, trigger).finally(() => {
      if (this.runs.get(trigger.id) === run) this.runs.delete(trigger.id);
      this.working.delete(work);
    });
    this.working.add(work);
  }

  /** Keeps all leases; to be called at least three times per lease. */
  renew(): void {
    for (const run of this.runs.values()) run.renew(this.options.leaseMs / 3);
  }

  /** Ends running steps' sagas at their next entry; when `budget` is aborted, in the middle of steps. */
  async stop(budget: AbortSignal): Promise<void> {
    this.stopped = true;
    const release = (interrupt: boolean) => {
      for (const run of this.runs.values()) run.release({ interrupt });
    };
    release(budget.aborted);
    budget.addEventListener("abort", () => release(true), { once: true });
    await Promise.all(this.working);
  }

  /** @returns false when the run is over and the trigger needs one of its own. */
  private handOver(run: SagaRun, trigger: Trigger): boolean {
    const event = this.eventOf(trigger);
    if (event === undefined || run.hasApplied(trigger.sequence)) return run.hold(trigger);
    return run.post(event, trigger);
  }

  private async work(run: SagaRun, trigger: Trigger): Promise<void> {
    run.hold(trigger);
    try {
      for (let look = 1; look <= MAX_LOOKS; look++) {
        const next = await this.decide(trigger, look);
        if (next.kind === "note") return run.dismiss(await this.note(trigger, next));
        if (next.kind !== "run") return run.dismiss(next);
        const end = await run.run(next.entry, next.base);
        if (end === "conflict") continue;
        this.ports.observer.count("ganglion.saga.runs", 1, {
          "ganglion.saga.name": this.definition.name,
          end,
        });
        return;
      }
      run.dismiss({ kind: "later", delayMs: backoffMs(trigger) });
    } catch (error) {
      const { id, body } = trigger;
      this.ports.logger.warn("saga trigger could not be handled", { id, kind: body.kind, error });
      run.dismiss({ kind: "later", delayMs: ERROR_REDELIVERY_MS });
    }
  }

  private get definition(): SagaDefinition {
    return this.ports.definition;
  }

  private async decide(trigger: Trigger, look: number): Promise<Decision> {
    // Most starts are new: they save themselves the look into the journal, and the first append tells.
    if (look === 1 && trigger.body.kind === "start" && trigger.deliveryCount === 1)
      return this.start(trigger);
    const base = await this.ports.journal.read(trigger.id, look === 1 ? "any" : "leader");
    if (base !== undefined) return this.follow(trigger, base);
    if (trigger.body.kind === "start") return this.start(trigger);
    if (await this.ports.triggers.hasStart(trigger.id)) return { kind: "later", delayMs: backoffMs(trigger) };
    // Events are offered to every saga they may concern; most concern none.
    this.ports.logger.debug("trigger for an unknown saga", { saga: this.definition.name, id: trigger.id });
    return { kind: "done" };
  }

  private start(trigger: Trigger): Decision {
    const { body, id, sequence } = trigger;
    if (body.kind !== "start") return { kind: "done" };
    const atMs = this.ports.clock.nowMs();
    const trace = this.traceOf(id, body.trace);
    const entry = startEntry(this.definition, { id, input: body.input, trace, atMs, sequence });
    return { kind: "run", entry, base: undefined };
  }

  /** A saga that was started where nobody traces still has all its steps in one trace. */
  private traceOf(id: string, started: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { observer } = this.ports;
    if (!observer.tracing || started.traceparent !== undefined) return started;
    const span = observer.startSpan({
      name: `saga ${this.definition.name}`,
      kind: "consumer",
      parent: () => undefined,
      attributes: { "ganglion.saga.name": this.definition.name, "ganglion.saga.id": id },
    });
    const trace: Record<string, string> = {};
    span.inject((name, value) => {
      trace[name] = value;
    });
    span.end();
    return trace;
  }

  private follow(trigger: Trigger, base: JournalRecord): Decision {
    const { entry } = base;
    if (hasEnded(entry.status)) return { kind: "done" };
    if (entry.version > this.definition.version)
      return { kind: "later", delayMs: NEWER_VERSION_REDELIVERY_MS };
    const unknown = unknownStep(this.definition, entry);
    if (unknown !== undefined && trigger.body.kind !== "terminate") {
      if (entry.status === "stuck") return { kind: "done" };
      return this.go(base, {
        type: "stuck",
        reason: `version ${this.definition.version} has no step ${unknown}`,
      });
    }
    if (entry.status === "running" || entry.status === "compensating") return this.takeOver(trigger, base);
    const event = entry.applied.includes(trigger.sequence) ? undefined : this.eventOf(trigger);
    if (event !== undefined) return { kind: "run", entry: apply(this.definition, entry, event), base };
    const atMs = this.ports.clock.nowMs();
    const due = entry.status === "suspended" && entry.dueAtMs !== undefined && entry.dueAtMs <= atMs;
    return due ? this.go(base, { type: "woken" }) : { kind: "done" };
  }

  /** The saga is held, or was when its worker vanished. */
  private takeOver(trigger: Trigger, base: JournalRecord): Decision {
    const { entry } = base;
    const atMs = this.ports.clock.nowMs();
    const leftMs = entry.atMs + this.options.leaseMs - atMs;
    const event = entry.applied.includes(trigger.sequence) ? undefined : this.eventOf(trigger);
    const own = entry.owner === this.ports.owner;
    if (entry.owner !== "" && !own && leftMs > 0) {
      if (event !== undefined) return { kind: "note", event, base };
      // A clock that runs behind must not keep a saga for longer than its deliveries take.
      return { kind: "later", delayMs: Math.min(leftMs, backoffMs(trigger)) };
    }
    if (entry.owner !== "" && !own && entry.takeovers >= this.options.maxTakeovers) {
      return this.go(base, {
        type: "stuck",
        reason: `${entry.takeovers} workers vanished while they held it`,
      });
    }
    const held = this.go(base, { type: entry.owner === "" ? "woken" : own ? "interrupted" : "taken-over" });
    return event === undefined ? held : { ...held, entry: apply(this.definition, held.entry, event) };
  }

  /**
   * Notes an event in the entry of a saga another worker holds. Owner, nonce and age stay the owner's: its next
   * append fails, it finds its own nonce under a new sequence, and goes on from there.
   */
  private async note(trigger: Trigger, { event, base }: Note): Promise<Settlement> {
    const { entry } = base;
    const noted = {
      ...apply(this.definition, entry, event),
      nonce: entry.nonce,
      owner: entry.owner,
      atMs: entry.atMs,
    };
    const outcome = await this.ports.journal.append(noted, base.sequence);
    if (outcome.kind !== "stored") return { kind: "later", delayMs: backoffMs(trigger) };
    if (hasEnded(noted.status)) this.ports.ended(noted);
    return { kind: "done" };
  }

  private go(base: JournalRecord, event: Bare): Extract<Decision, { kind: "run" }> {
    const stamped = { ...event, atMs: this.ports.clock.nowMs() } as SagaEvent;
    return { kind: "run", entry: apply(this.definition, base.entry, stamped), base };
  }

  /** `undefined` for triggers that only say that there may be something to do. */
  private eventOf({ body, sequence }: Trigger): SagaEvent | undefined {
    const atMs = this.ports.clock.nowMs();
    switch (body.kind) {
      case "signal":
        return { type: "signalled", name: body.name, data: body.data, sequence, atMs };
      case "cancel":
        return { type: "cancelled", reason: body.reason, sequence, atMs };
      case "terminate":
        return { type: "terminated", reason: body.reason, sequence, atMs };
      case "retry":
        return { type: "retried", sequence, atMs };
      default:
        return undefined;
    }
  }
}

type Bare =
  | { readonly type: "woken" | "taken-over" | "interrupted" }
  | { readonly type: "stuck"; readonly reason: string };

type Settlement = { readonly kind: "done" } | { readonly kind: "later"; readonly delayMs: number };

interface Note {
  readonly kind: "note";
  readonly event: SagaEvent;
  readonly base: JournalRecord;
}

type Decision =
  | Settlement
  | Note
  | { readonly kind: "run"; readonly entry: SagaEntry; readonly base: JournalRecord | undefined };

const FIRST_REDELIVERY_MS = 50;
const LONGEST_REDELIVERY_MS = 2_000;
/** How often a trigger looks at the journal again at once, after another worker was faster. */
const MAX_LOOKS = 3;
const ERROR_REDELIVERY_MS = 1_000;
const NEWER_VERSION_REDELIVERY_MS = 1_000;

function backoffMs({ deliveryCount }: Trigger): number {
  return Math.min(FIRST_REDELIVERY_MS * 2 ** Math.min(deliveryCount - 1, 10), LONGEST_REDELIVERY_MS);
}

function unknownStep(definition: SagaDefinition, entry: SagaEntry): string | undefined {
  return Object.keys(entry.steps).find((name) => !definition.steps.has(name));
}
