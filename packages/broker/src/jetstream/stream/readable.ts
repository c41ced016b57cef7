import type { MessageStore, StoredMessage } from "@ganglion/store";

/** The first message at or after `fromSequence` whose bytes are whole. The store reports the others by itself. */
export function nextReadable(
  messages: MessageStore,
  fromSequence: number,
  filters?: readonly string[],
): StoredMessage | undefined {
  const { lastSequence } = messages.state();
  for (let sequence = fromSequence; sequence <= lastSequence; sequence++) {
    try {
      return messages.next(sequence, filters);
    } catch {
      // Whatever it was, nobody can have it any more.
    }
  }
  return undefined;
}

/** The last message on `subject`, if its bytes are whole. */
export function lastReadable(
  messages: MessageStore,
  subject: string,
  maxSequence?: number,
): StoredMessage | undefined {
  try {
    return messages.last(subject, maxSequence);
  } catch {
    return undefined;
  }
}

/** The message at `sequence`, if its bytes are whole. */
export function readable(messages: MessageStore, sequence: number): StoredMessage | undefined {
  try {
    return messages.read(sequence);
  } catch {
    return undefined;
  }
}
