import { parseTimestamp, STATUS, type Status } from "@ganglion/protocol";
import { statusMessage } from "../consumer/delivery-target.js";
import { lastReadable, readable } from "../stream/readable.js";
import { DEFAULT_MAX_BYTES, type ManyGet, sendEnd, sendOne } from "./many-get.js";

/** Source: nats-server stream.go `getDirectMulti`. */
const MAX_RESULTS = 1024;

/** The last message of every subject that matches one of several filters, as of now, a sequence or a time. */
export function getLastOfMany(get: ManyGet): void {
  const { account, reply, stream, wanted } = get;
  const refuse = (status: Status) => void account.bus.publish(statusMessage(reply, status));
  const upToSequence = ceilingOf(get);
  const found = upToSequence === undefined ? new Set<number>() : lastSequences(get, upToSequence);
  if (found.size > MAX_RESULTS) {
    refuse(STATUS.tooManyResults);
    return;
  }
  if (found.size === 0) {
    refuse(STATUS.noResults);
    return;
  }
  const maxBytes = wanted.max_bytes ?? DEFAULT_MAX_BYTES;
  const maxCount = wanted.batch ?? Number.POSITIVE_INFINITY;
  let pending = found.size;
  let lastSequence = 0;
  let sentBytes = 0;
  for (const sequence of [...found].sort((a, b) => a - b)) {
    if (sentBytes >= maxBytes || found.size - pending >= maxCount) break;
    const message = readable(stream.store.messages, sequence);
    if (message === undefined) continue;
    pending--;
    sentBytes += sendOne(get, message, { pending, lastSequence });
    lastSequence = sequence;
  }
  sendEnd(get, { pending, lastSequence }, upToSequence);
}

/** The last sequence that counts; undefined when nothing does. */
function ceilingOf({ stream, wanted }: ManyGet): number | undefined {
  const { messages } = stream.store;
  const { up_to_seq: sequence, up_to_time: time } = wanted;
  const state = messages.state();
  if (time === undefined) return sequence ?? state.lastSequence;
  const next = messages.sequenceAt(parseTimestamp(time) ?? 0);
  return next <= state.firstSequence ? undefined : next - 1;
}

function lastSequences({ stream, wanted }: ManyGet, upToSequence: number): Set<number> {
  const { messages } = stream.store;
  const found = new Set<number>();
  for (const filter of wanted.multi_last ?? []) {
    for (const { subject, firstSequence, lastSequence } of messages.subjects(filter)) {
      if (firstSequence > upToSequence) continue;
      const sequence =
        lastSequence <= upToSequence ? lastSequence : lastReadable(messages, subject, upToSequence)?.sequence;
      if (sequence !== undefined && sequence >= (wanted.seq ?? 0)) found.add(sequence);
      if (found.size > MAX_RESULTS) return found;
    }
  }
  return found;
}
