import type { JetStream } from "@ganglion/core/internal";
import { isGanglionError } from "@ganglion/kernel";
import {
  type AppendOutcome,
  decodeEntry,
  encodeEntry,
  type JournalRecord,
  type SagaEntry,
  type SagaJournal,
} from "./journal.js";
import { DUE_HEADER, JOURNAL_STREAM, journalSubject, STATUS_HEADER } from "./subjects.js";

/** The journal of one saga class on JetStream. */
export class JetStreamJournal implements SagaJournal {
  constructor(
    private readonly jetstream: JetStream,
    private readonly saga: string,
  ) {}

  async read(id: string, consistency: "any" | "leader"): Promise<JournalRecord | undefined> {
    const query = { lastOf: journalSubject(this.saga, id) };
    const message = await this.jetstream.get(JOURNAL_STREAM, query, { consistency });
    return message && { entry: decodeEntry(message.data), sequence: message.sequence };
  }

  /**
   * No message id: a duplicate would be answered with the sequence of the first, which looks like success. The
   * compare-and-set alone decides (invariant I1).
   */
  async append(entry: SagaEntry, expectedSequence: number): Promise<AppendOutcome> {
    try {
      const ack = await this.jetstream.append(journalSubject(this.saga, entry.id), encodeEntry(entry), {
        headers: headersOf(entry),
        expectedLastSubjectSequence: expectedSequence,
        expectedStream: JOURNAL_STREAM,
      });
      return { kind: "stored", sequence: ack.sequence };
    } catch (cause) {
      return { kind: outcomeOf(cause), cause };
    }
  }
}

function headersOf(entry: SagaEntry): readonly (readonly [string, string])[] {
  if (entry.dueAtMs === undefined) return [[STATUS_HEADER, entry.status]];
  return [
    [STATUS_HEADER, entry.status],
    [DUE_HEADER, String(entry.dueAtMs)],
  ];
}

/** Everything not known to be final counts as unknown: the writer reads the journal then and finds out. */
function outcomeOf(error: unknown): "conflict" | "refused" | "unknown" {
  if (!isGanglionError(error)) return "unknown";
  if (error.code === "WRONG_LAST_SEQUENCE") return "conflict";
  return error.code === "PAYLOAD_TOO_LARGE" || error.code === "SAGA_RESULT_NOT_JSON" ? "refused" : "unknown";
}
