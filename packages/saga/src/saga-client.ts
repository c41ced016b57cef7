import type { AppInternals } from "@ganglion/core/internal";
import {
  type Duration,
  deferred,
  durationMs,
  isGanglionError,
  pause,
  throwIfAborted,
} from "@ganglion/kernel";
import type { SagaContext } from "./context.js";
import type { SagaDefinition } from "./definition.js";
import { sagaError } from "./errors.js";
import { JetStreamJournal } from "./jetstream-journal.js";
import { JetStreamTriggers } from "./jetstream-triggers.js";
import { hasEnded, type SagaEntry, type SagaStatus, type StepFailure } from "./journal.js";
import { streamPlans } from "./resources.js";
import { type SagaSnapshot, snapshotOf } from "./snapshot.js";
import { endedSubject, idOf, JOURNAL_STREAM, STATUS_HEADER } from "./subjects.js";

// biome-ignore lint/suspicious/noExplicitAny: any method; only its first parameter or its result matters
type Method = (...args: any[]) => unknown;

/** The input of a saga class, as the contexts of its methods say. */
export type SagaInput<T> = {
  [K in keyof T]: T[K] extends (ctx: infer C, ...rest: never[]) => unknown
    ? C extends SagaContext<infer I>
      ? I
      : never
    : never;
}[keyof T];

/** Results of a saga's steps by name; a step that was skipped or has not ended has none. */
export type SagaResults<T> = {
  readonly [K in keyof T as T[K] extends Method ? K : never]?: T[K] extends Method
    ? Awaited<ReturnType<T[K]>>
    : never;
};

/** How a saga ended. */
export type SagaOutcome<T> =
  | { readonly status: "completed"; readonly results: SagaResults<T> }
  | {
      /** `compensated`: everything that was done or may have been done is undone; `terminated`: by an operator. */
      readonly status: "compensated" | "terminated";
      readonly results: SagaResults<T>;
      /** Why; `undefined` when it was terminated before anything failed. */
      readonly failure: StepFailure | undefined;
    };

/** What {@link SagaClient.start} takes. */
export interface StartOptions<Input> {
  /** Names the saga among all of its class: a second start with the same id does nothing. */
  readonly id: string;
  readonly input: Input;
}

/** What {@link SagaClient.result} takes. */
export interface ResultOptions {
  /** @default "30s" */
  readonly timeout?: Duration;
  readonly signal?: AbortSignal;
}

/** What {@link SagaClient.list} takes. */
export interface ListOptions {
  /** @default all */
  readonly status?: readonly SagaStatus[];
  /** Longest list. @default 1000 */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** One line of a list. */
export interface SagaSummary {
  readonly id: string;
  readonly status: SagaStatus;
  /** Of its last change. */
  readonly changedAt: Date;
}

/**
 * Starts, watches and steers the sagas of one class. Works in every app that is connected to the same streams, also
 * one that does not run the class.
 *
 * Methods that change a saga resolve when the request is stored; a worker carries it out soon after.
 */
export class SagaClient<T> {
  constructor(
    private readonly app: AppInternals,
    private readonly definition: SagaDefinition,
  ) {}

  /**
   * Starts a saga. Idempotent by id, for as long as the journal keeps the saga.
   *
   * @throws GanglionError `SAGA_INVALID_INPUT`, `SAGA_INVALID_ID`; `UNKNOWN_OUTCOME` when it may or may not be
   *   started: start it again.
   */
  async start({ id, input }: StartOptions<SagaInput<T>>): Promise<void> {
    const wire = this.definition.input.encode(input);
    const { observer } = this.app;
    const trace: Record<string, string> = {};
    const span = observer.startSpan({
      name: `saga ${this.definition.name} start`,
      kind: "producer",
      attributes: { "ganglion.saga.name": this.definition.name, "ganglion.saga.id": id },
    });
    span.inject((name, value) => {
      trace[name] = value;
    });
    try {
      await this.publish(id, { kind: "start", input: wire, trace }, `${this.definition.name}:${id}:start`);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  /**
   * Waits until a saga has ended.
   *
   * @throws GanglionError `SAGA_RESULT_TIMEOUT` (its details hold the status, such as `stuck`), `SAGA_NOT_FOUND`,
   *   `ABORTED`
   */
  async result(id: string, { timeout = "30s", signal }: ResultOptions = {}): Promise<SagaOutcome<T>> {
    const timeoutMs = durationMs(timeout, "timeout");
    const { clock } = this.app;
    const untilMs = clock.monotonicMs() + timeoutMs;
    const told = new Announcements(this.app, endedSubject(this.definition.name, id));
    try {
      for (let round = 0; ; round++) {
        throwIfAborted(signal, `Waiting for saga ${this.definition.name} ${id}`);
        const leftMs = untilMs - clock.monotonicMs();
        const entry = await this.read(id);
        if (entry !== undefined && hasEnded(entry.status)) return outcomeOf<T>(entry);
        if (leftMs <= 0) throw await this.notEnded(id, entry, timeoutMs);
        await told.next(Math.min(leftMs, POLL_MS[Math.min(round, POLL_MS.length - 1)] ?? leftMs), signal);
      }
    } finally {
      told.close();
    }
  }

  /** State and timeline of a saga; `undefined` when the journal has none of that id (yet, or any more). */
  async get(id: string): Promise<SagaSnapshot | undefined> {
    const entry = await this.read(id);
    return entry && snapshotOf(entry);
  }

  /**
   * Sends a signal to a saga. A signal that arrives before a step waits for it is kept.
   *
   * @param name - as given to `waitFor`; for a step that waits for an event, the name of the step.
   * @throws GanglionError `SAGA_INVALID_SIGNAL`, `SAGA_INVALID_ID`, `UNKNOWN_OUTCOME`
   */
  async signal(id: string, name: string, data: unknown = null): Promise<void> {
    const names = [...this.definition.steps.values()].flatMap((step) => step.wait?.signal ?? []);
    if (!names.includes(name)) {
      const message = `Saga ${this.definition.name} waits for no signal ${JSON.stringify(name)}, only for ${JSON.stringify(names)}`;
      throw sagaError("SAGA_INVALID_SIGNAL", message, {
        details: { saga: this.definition.name, name, names },
      });
    }
    await this.publish(id, { kind: "signal", name, data });
  }

  /** Ends a saga by compensating what it did, unless it is past its pivot or ended. */
  async cancel(id: string, reason = "cancelled"): Promise<void> {
    await this.publish(id, { kind: "cancel", reason });
  }

  /** Ends a saga as it is, without compensation. */
  async terminate(id: string, reason = "terminated"): Promise<void> {
    await this.publish(id, { kind: "terminate", reason });
  }

  /** Lets a stuck saga try again what it is stuck at. */
  async retry(id: string): Promise<void> {
    await this.publish(id, { kind: "retry" });
  }

  /** The sagas in the journal, the one that changed last at the end. */
  async list({ status, limit = 1_000, signal }: ListOptions = {}): Promise<readonly SagaSummary[]> {
    const found: SagaSummary[] = [];
    const full = deferred();
    const read = await this.app.transport.jetstream.readOrdered(JOURNAL_STREAM, {
      filterSubjects: [`saga.${this.definition.name}.*`],
      headersOnly: true,
      onBatch: (messages) => {
        for (const message of messages) {
          const at = message.headers.get(STATUS_HEADER) as SagaStatus; // written by the journal
          if (status !== undefined && !status.includes(at)) continue;
          found.push({ id: idOf(message.subject), status: at, changedAt: new Date(message.timestampMs) });
        }
        if (found.length >= limit) full.resolve();
      },
      onCaughtUp: () => full.resolve(),
    });
    const aborted = () => full.resolve();
    signal?.addEventListener("abort", aborted);
    await Promise.race([full.promise, read.closed]);
    signal?.removeEventListener("abort", aborted);
    await read.stop();
    throwIfAborted(signal, `Listing sagas ${this.definition.name}`);
    return found.slice(0, limit);
  }

  /** An app that runs no saga may be the first to touch the streams. */
  private async publish(...args: Parameters<JetStreamTriggers["publish"]>): Promise<void> {
    try {
      await this.triggers.publish(...args);
    } catch (error) {
      if (!isGanglionError(error, "NO_STREAM")) throw error;
      await this.app.provide(streamPlans(this.definition.name, this.app.streams));
      await this.triggers.publish(...args);
    }
  }

  private async read(id: string): Promise<SagaEntry | undefined> {
    const journal = new JetStreamJournal(this.app.transport.jetstream, this.definition.name);
    return (await journal.read(id, "any"))?.entry;
  }

  private get triggers(): JetStreamTriggers {
    return new JetStreamTriggers(this.app.transport.jetstream, this.definition.name);
  }

  private async notEnded(id: string, entry: SagaEntry | undefined, timeoutMs: number) {
    const saga = this.definition.name;
    if (entry === undefined && !(await this.triggers.hasStart(id))) {
      return sagaError("SAGA_NOT_FOUND", `There is no saga ${saga} ${JSON.stringify(id)}`, {
        details: { saga, id },
      });
    }
    const status = entry?.status ?? "not begun";
    const message = `Saga ${saga} ${id} did not end within ${timeoutMs} ms: it is ${status}`;
    return sagaError("SAGA_RESULT_TIMEOUT", message, {
      retryable: true,
      details: { saga, id, status, timeoutMs },
    });
  }
}

/** Waits between two looks into the journal, in case an announcement is lost; the last one repeats. */
const POLL_MS = [250, 500, 1_000, 2_000];

/** Hears when a saga has ended. Announcements are only hints: the journal is the truth. */
class Announcements {
  private heard = deferred();
  private readonly subscription;

  constructor(
    private readonly app: AppInternals,
    subject: string,
  ) {
    this.subscription = app.transport.subscribe(subject, { onMessage: () => this.heard.resolve() });
  }

  /** Resolves at the next announcement, or after `timeoutMs`. */
  async next(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    signal?.addEventListener("abort", end);
    await Promise.race([this.heard.promise, pause(this.app.clock, timeoutMs, over.signal)]);
    end();
    signal?.removeEventListener("abort", end);
    this.heard = deferred();
  }

  close(): void {
    this.subscription.unsubscribe();
  }
}

function outcomeOf<T>(entry: SagaEntry): SagaOutcome<T> {
  const results = Object.fromEntries(
    Object.entries(entry.steps).flatMap(([name, step]) => ("result" in step ? [[name, step.result]] : [])),
  ) as SagaResults<T>; // what the steps returned, through JSON
  return entry.status === "completed"
    ? { status: "completed", results }
    : { status: entry.status as "compensated" | "terminated", results, failure: entry.failure }; // the entry has ended
}
