import type { CloseReason } from "./close-reason.js";
import type { ConnectionFacts, SubscriptionFacts } from "./connection-facts.js";

/** A connection that is no more. */
export interface ClosedConnection {
  readonly facts: ConnectionFacts;
  readonly subscriptions: readonly SubscriptionFacts[];
  /** Wall clock, microseconds since 1970. */
  readonly stoppedUs: number;
  readonly reason: CloseReason;
}

/** The connections that were closed last. Source: nats-server ring.go `closedRingBuffer`. */
export class ClosedConnections {
  private readonly kept: ClosedConnection[] = [];
  /** Place of the oldest once all places are taken. */
  private oldest = 0;

  constructor(private readonly capacity: number) {}

  add(connection: ClosedConnection): void {
    if (this.kept.length < this.capacity) {
      this.kept.push(connection);
      return;
    }
    if (this.capacity === 0) return;
    this.kept[this.oldest] = connection;
    this.oldest = (this.oldest + 1) % this.capacity;
  }

  /** What is kept, the oldest first. */
  all(): readonly ClosedConnection[] {
    return [...this.kept.slice(this.oldest), ...this.kept.slice(0, this.oldest)];
  }
}
