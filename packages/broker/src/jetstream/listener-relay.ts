import type { MessageStoreListener, RemovalReason } from "@ganglion/store";

/**
 * Passes a store's calls on to a stream that can only be made when the store is open. What the store does
 * while it opens is in the state the stream then reads, so those calls may be dropped.
 */
export class ListenerRelay implements MessageStoreListener {
  target: MessageStoreListener | undefined;

  durable(sequence: number): void {
    this.target?.durable(sequence);
  }

  failed(error: unknown, fromSequence: number): void {
    this.target?.failed(error, fromSequence);
  }

  removed(sequence: number, subject: string, reason: RemovalReason): void {
    this.target?.removed(sequence, subject, reason);
  }
}
