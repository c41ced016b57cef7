import { sagaError } from "./errors.js";

/**
 * Where a saga stands.
 *
 * - `running`: a worker holds it and runs steps; `compensating`: a worker holds it and undoes steps.
 * - `suspended`: it waits for a signal, an event or a time, and no worker holds it.
 * - `completed`, `compensated`, `terminated`: ended, never changes again.
 * - `stuck`: it needs an operator: a step past the pivot or a compensation ran out of attempts, it crashed
 *   its worker too often, or this version does not know its steps.
 */
export type SagaStatus =
  | "running"
  | "compensating"
  | "suspended"
  | "completed"
  | "compensated"
  | "terminated"
  | "stuck";

/** An error as the journal keeps it. */
export interface StepFailure {
  readonly step: string;
  readonly code: string;
  readonly message: string;
  readonly data?: unknown;
}

/** One step of one saga. A step that has no record has not begun. */
export interface StepRecord {
  /**
   * - `running`: to be run by the owner; after a crash it may or may not have had its effect.
   * - `waiting`: for its signal or for `dueAtMs`.
   * - `done`, `skipped`, `failed`: over.
   * - `compensating`: to be undone by the owner; `compensated`: undone.
   */
  readonly state: "running" | "waiting" | "done" | "skipped" | "failed" | "compensating" | "compensated";
  /** An attempt may have had an effect that nobody confirmed: compensated when the saga fails. */
  readonly doubt?: true;
  readonly result?: unknown;
  readonly error?: StepFailure;
  /** Of attempts that are over, within the present state. */
  readonly attempts?: number;
  /** Milliseconds since 1970: when a `waiting` or `compensating` step goes on by itself. */
  readonly dueAtMs?: number;
  /** Why it waits. */
  readonly waitsFor?: "signal" | "delay" | "retry";
  /** What arrived. */
  readonly signal?: { readonly data: unknown };
  /** The time to wait is over and nothing arrived. */
  readonly expired?: true;
}

/** A signal that arrived before a step waited for it. */
export interface BufferedSignal {
  readonly name: string;
  readonly data: unknown;
}

/** `[milliseconds since the start, what happened, step or detail]`. */
export type TimelineItem = readonly [atMs: number, what: string, detail?: string];

/**
 * The whole state of one saga. The last entry of a saga's subject is the only truth about it; every change
 * is one compare-and-set append (invariant I1).
 */
export interface SagaEntry {
  readonly format: 1;
  /** Unique per append: tells a writer whether an append of unknown outcome was its own. */
  readonly nonce: string;
  /** The worker that holds the saga; `""` when none does. */
  readonly owner: string;
  /** When this was written by the owner's clock, in milliseconds since 1970. */
  readonly atMs: number;
  readonly saga: string;
  readonly id: string;
  readonly version: number;
  readonly hash: string;
  readonly status: SagaStatus;
  readonly input: unknown;
  readonly startedAtMs: number;
  /** W3C trace headers of the start, so that a resumed saga goes on in the same trace. */
  readonly trace: Readonly<Record<string, string>>;
  readonly steps: Readonly<Record<string, StepRecord>>;
  /** Steps that succeeded or failed in doubt, in the order in which they ended. */
  readonly ended: readonly string[];
  /** Why the saga is (to be) compensated. */
  readonly failure?: StepFailure;
  /** Why it is stuck. */
  readonly stuck?: string;
  readonly signals: readonly BufferedSignal[];
  /** Triggers this entry accounts for, by their sequence in the trigger stream; the newest ones. */
  readonly applied: readonly number[];
  /** How often a worker took it over from one that vanished, since the last progress. */
  readonly takeovers: number;
  /** Milliseconds since 1970: the next time a suspended saga goes on by itself. */
  readonly dueAtMs?: number;
  readonly timeline: readonly TimelineItem[];
}

/** An entry with its place in the journal. */
export interface JournalRecord {
  readonly entry: SagaEntry;
  /** Sequence in the journal stream, the value the next append compares with. */
  readonly sequence: number;
}

/**
 * What an append came to. `unknown`: no answer, it may or may not be stored; `refused`: it is not stored and never
 * can be, such as an entry that is too large.
 */
export type AppendOutcome =
  | { readonly kind: "stored"; readonly sequence: number }
  | { readonly kind: "conflict" }
  | { readonly kind: "unknown"; readonly cause: unknown }
  | { readonly kind: "refused"; readonly cause: unknown };

/** The journal of one saga class: one entry per saga, the last one. */
export interface SagaJournal {
  /**
   * The last entry, or `undefined` when there is none.
   *
   * @param consistency - `any` may answer with an entry that was the last one a moment ago.
   */
  read(id: string, consistency: "any" | "leader"): Promise<JournalRecord | undefined>;
  /** Appends if the last entry still has `expectedSequence` (0: there is none). Does not throw for a failed append. */
  append(entry: SagaEntry, expectedSequence: number): Promise<AppendOutcome>;
}

/** Whether a saga has ended: nothing changes it any more. */
export function hasEnded(status: SagaStatus): boolean {
  return status === "completed" || status === "compensated" || status === "terminated";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The bytes of an entry.
 *
 * @throws GanglionError `SAGA_RESULT_NOT_JSON` when a result cannot be written as JSON.
 */
export function encodeEntry(entry: SagaEntry): Uint8Array {
  try {
    return encoder.encode(JSON.stringify(entry));
  } catch (cause) {
    throw sagaError(
      "SAGA_RESULT_NOT_JSON",
      `Saga ${entry.saga} ${entry.id} holds a value JSON cannot: ${cause}`,
      {
        details: { saga: entry.saga, id: entry.id },
        cause,
      },
    );
  }
}

/**
 * Reads an entry.
 *
 * @throws GanglionError `SAGA_JOURNAL_CORRUPT` when the bytes are not an entry of a format this version knows.
 */
export function decodeEntry(bytes: Uint8Array): SagaEntry {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw sagaError("SAGA_JOURNAL_CORRUPT", "A saga journal entry is not JSON", { cause });
  }
  const format = (value as { format?: unknown } | null)?.format;
  if (format !== 1) {
    throw sagaError(
      "SAGA_JOURNAL_CORRUPT",
      `A saga journal entry has format ${JSON.stringify(format)}, 1 is known`,
      {
        details: { format },
      },
    );
  }
  return value as SagaEntry;
}
