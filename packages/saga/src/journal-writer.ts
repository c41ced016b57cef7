import { type Clock, pause } from "@ganglion/kernel";
import type { AppendOutcome, JournalRecord, SagaEntry, SagaJournal } from "./journal.js";

/** What became of a change. */
export type WriteOutcome =
  /** The record is the last one: the entry itself, or one another worker noted an event in. */
  | { readonly kind: "stored"; readonly record: JournalRecord }
  /** Someone else changed the saga: `last` is what is there now, when that is known. */
  | { readonly kind: "lost"; readonly last?: JournalRecord }
  /** It can never be stored, such as an entry that is too large. */
  | { readonly kind: "refused"; readonly cause: unknown };

/** What {@link writeEntry} works with. */
export interface WriterPorts {
  readonly journal: SagaJournal;
  readonly clock: Clock;
  /** Ends the wait for a broker that does not answer; the outcome is then `lost`. */
  readonly stopping: AbortSignal;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Appends `entry` behind `expectedSequence`, through broker restarts, until its fate is known. A compare-and-set of
 * unknown outcome is decided by reading the last entry: the own nonce means stored, an unchanged sequence means
 * send it again (an earlier copy that arrives late then loses), anything else means lost.
 */
export async function writeEntry(
  ports: WriterPorts,
  entry: SagaEntry,
  expectedSequence: number,
): Promise<WriteOutcome> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await ports.journal.append(entry, expectedSequence);
    if (outcome.kind === "stored") return { kind: "stored", record: { entry, sequence: outcome.sequence } };
    if (outcome.kind === "refused") return outcome;
    const fate = await learnFate(ports, { entry, expectedSequence, outcome, attempt });
    if (fate !== "resend") return fate;
  }
}

interface Doubtful {
  readonly entry: SagaEntry;
  readonly expectedSequence: number;
  readonly outcome: AppendOutcome;
  readonly attempt: number;
}

async function learnFate(ports: WriterPorts, doubtful: Doubtful): Promise<WriteOutcome | "resend"> {
  const { entry, expectedSequence, outcome } = doubtful;
  if (outcome.kind === "unknown" || doubtful.attempt > 0) await pauseBefore(ports, doubtful.attempt);
  for (let attempt = doubtful.attempt; ; attempt++) {
    if (ports.stopping.aborted) return { kind: "lost" };
    try {
      const last = await ports.journal.read(entry.id, "leader");
      if (last?.entry.nonce === entry.nonce) return { kind: "stored", record: last };
      if ((last?.sequence ?? 0) === expectedSequence) return "resend";
      return last === undefined ? { kind: "lost" } : { kind: "lost", last };
    } catch {
      await pauseBefore(ports, attempt); // no answer: the broker is away, and only it knows
    }
  }
}

function pauseBefore({ clock, stopping }: WriterPorts, attempt: number): Promise<void> {
  return pause(clock, Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10), LONGEST_PAUSE_MS), stopping);
}
