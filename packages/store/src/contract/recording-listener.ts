import type { MessageStoreListener, NewMessage, RemovalReason, StoreLimits } from "../message-store.js";

/** Remembers every call a store makes. */
export class RecordingListener implements MessageStoreListener {
  durableSequence = 0;
  readonly removals: {
    readonly sequence: number;
    readonly subject: string;
    readonly reason: RemovalReason;
  }[] = [];
  readonly failures: { readonly error: unknown; readonly fromSequence: number }[] = [];
  /** Called after a durable sequence was noted. */
  onDurable: (sequence: number) => void = () => {};
  onFailed: (fromSequence: number) => void = () => {};
  onRemoved: (sequence: number) => void = () => {};

  durable(sequence: number): void {
    this.durableSequence = sequence;
    this.onDurable(sequence);
  }

  failed(error: unknown, fromSequence: number): void {
    this.failures.push({ error, fromSequence });
    this.onFailed(fromSequence);
  }

  removed(sequence: number, subject: string, reason: RemovalReason): void {
    this.removals.push({ sequence, subject, reason });
    this.onRemoved(sequence);
  }

  /** The removals since the last call, as `sequence reason`, in order of sequence. */
  takeRemovals(): string[] {
    const taken = this.removals.splice(0);
    return taken
      .sort((left, right) => left.sequence - right.sequence)
      .map(({ sequence, reason }) => `${sequence} ${reason}`);
  }
}

/** No limit at all. */
export const UNLIMITED: StoreLimits = { maxMessages: 0, maxBytes: 0, maxAgeUs: 0, maxMessagesPerSubject: 0 };

/** A message for tests: text payload, no headers. */
export function textMessage(subject: string, text = "payload", timestampUs = 1_000_000): NewMessage {
  return { subject, timestampUs, headerSizeBytes: 0, data: Buffer.from(text) };
}
