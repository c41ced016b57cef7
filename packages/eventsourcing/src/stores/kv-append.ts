import type { HeaderEntry, JetStream, StoredMessage } from "@ganglion/core/internal";
import { type Clock, isGanglionError, pause } from "@ganglion/kernel";
import { eventSourcingError } from "../errors.js";

/** A compare-and-set append. */
export interface CasAppend {
  readonly stream: string;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: readonly HeaderEntry[];
  /** Sequence of the last message of the subject; 0: there is none. */
  readonly expected: number;
  /** Recognises what this append wrote, in the last message of the subject. */
  readonly isOwn: (last: StoredMessage) => boolean;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** About half a minute with the pauses above; then the caller starts over from what is stored. */
const MAX_ATTEMPTS = 20;

/**
 * Appends until it is known to be stored: after an answer that got lost, the last message of the subject tells.
 *
 * @returns the sequence.
 * @throws GanglionError `PROJECTION_FENCED` when someone else wrote the subject, or nobody can tell.
 */
export async function casAppend(
  { jetstream, clock }: { readonly jetstream: JetStream; readonly clock: Clock },
  append: CasAppend,
): Promise<number> {
  const { stream, subject, data, headers, expected } = append;
  let cause: unknown;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      const options = { headers, expectedLastSubjectSequence: expected, expectedStream: stream };
      return (await jetstream.append(subject, data, options)).sequence;
    } catch (error) {
      cause = error;
      if (isGanglionError(error, "PAYLOAD_TOO_LARGE") || isGanglionError(error, "CONNECTION_CLOSED")) break;
    }
    const last = await jetstream
      .get(stream, { lastOf: subject }, { consistency: "leader" })
      .catch(() => null);
    if (last !== null) {
      if (last !== undefined && append.isOwn(last)) return last.sequence;
      if ((last?.sequence ?? 0) !== expected) break;
    }
    await pause(clock, Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS));
  }
  throw eventSourcingError(
    "PROJECTION_FENCED",
    `${subject} was written by another process, or cannot be written`,
    {
      details: { subject, expected },
      cause,
    },
  );
}
