import type { AckPolicy, RetentionPolicy } from "@ganglion/protocol";

/** What decides whether a consumer still needs a message. */
export interface ConsumerPosition {
  readonly ackPolicy: AckPolicy;
  /** Stream sequence up to which everything is acknowledged. */
  readonly floorSequence: number;
  /** Whether the message is one the consumer is yet to deliver for the first time. */
  isUndelivered(sequence: number): boolean;
  isPending(sequence: number): boolean;
  /** Whether its deliveries are used up: it is kept for somebody to look at. */
  isAbandoned(sequence: number): boolean;
}

/**
 * Whether a consumer whose filters match the message still waits for its acknowledgement. Pure.
 *
 * Source: nats-server consumer.go `needAck`.
 */
export function needsAck(position: ConsumerPosition, sequence: number): boolean {
  if (position.isAbandoned(sequence)) return true;
  if (sequence <= position.floorSequence) return false;
  if (position.ackPolicy !== "explicit") return true;
  return position.isUndelivered(sequence) || position.isPending(sequence);
}

/**
 * Whether a message leaves the stream now that one consumer has acknowledged it. Pure.
 *
 * @param neededByOthers - asks the other consumers whose filters match.
 * Source: nats-server stream.go `ackMsg`.
 */
export function leavesOnAck(retention: RetentionPolicy, neededByOthers: () => boolean): boolean {
  switch (retention) {
    case "limits":
      return false;
    case "workqueue":
      return true;
    case "interest":
      return !neededByOthers();
  }
}
