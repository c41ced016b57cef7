import type { JetStream, StoredMessage } from "@ganglion/core/internal";
import { deferred } from "@ganglion/kernel";

/** Options of {@link readUpToNow}. */
export interface ReadUpToNowOptions {
  readonly filterSubject: string;
  /** First sequence, from 1. */
  readonly fromSequence: number;
  /** Last sequence. @default the last one at the time of the call */
  readonly toSequence?: number;
  readonly headersOnly?: boolean;
  /** Returns `stop` when it has seen enough. */
  readonly onBatch: (messages: readonly StoredMessage[]) => undefined | "stop" | void | Promise<void>;
}

/** Reads a stretch of a stream, and returns when it is over. */
export async function readUpToNow(
  jetstream: JetStream,
  stream: string,
  options: ReadUpToNowOptions,
): Promise<void> {
  const { fromSequence, toSequence = Number.POSITIVE_INFINITY, onBatch } = options;
  if (toSequence < fromSequence) return;
  const over = deferred();
  const read = await jetstream.readOrdered(stream, {
    from: { sequence: fromSequence },
    filterSubjects: [options.filterSubject],
    headersOnly: options.headersOnly ?? false,
    allowGap: true, // removed messages have been looked at, or are not needed
    onBatch: async (messages) => {
      const wanted = messages.filter((message) => message.sequence <= toSequence);
      const verdict = wanted.length > 0 ? await onBatch(wanted) : undefined;
      if (verdict === "stop" || wanted.length < messages.length) over.resolve();
    },
    onCaughtUp: () => over.resolve(),
  });
  try {
    await Promise.race([over.promise, read.closed]);
  } finally {
    await read.stop();
  }
}
