/** One message that was delivered and not acknowledged yet. */
export interface PendingDelivery {
  /** Sequence in the consumer, 1-based, of the first delivery. */
  readonly consumerSequence: number;
  /** When it was last delivered, microseconds since 1970-01-01 UTC. */
  readonly timestampUs: number;
  /** How often it was delivered, at least 1. */
  readonly deliveries: number;
}

/** A pair of positions: in the consumer's own count of deliveries, and in the stream. */
export interface SequencePair {
  readonly consumer: number;
  readonly stream: number;
}

/** Everything a consumer must remember over a restart. */
export interface ConsumerState {
  /** Last delivered. */
  readonly delivered: SequencePair;
  /** Everything up to here is acknowledged. */
  readonly ackFloor: SequencePair;
  /** By stream sequence. */
  readonly pending: ReadonlyMap<number, PendingDelivery>;
}

/** One step of a consumer's life, as the log keeps it. */
export type ConsumerChange =
  | {
      readonly kind: "delivered";
      readonly streamSequence: number;
      readonly consumerSequence: number;
      readonly timestampUs: number;
      readonly deliveries: number;
      /** False for the ack policy `none`: the message counts as acknowledged with its delivery. */
      readonly pending: boolean;
    }
  | { readonly kind: "acknowledged"; readonly streamSequence: number; readonly ackFloor: SequencePair }
  | { readonly kind: "floor"; readonly ackFloor: SequencePair; readonly delivered: SequencePair };

/** Durable memory of one consumer: a small log of changes with snapshots. */
export interface ConsumerStore {
  /** State after recovery; undefined for a consumer that never delivered. */
  load(): ConsumerState | undefined;
  /** Takes a change in; it becomes durable with the next group commit of the stream. */
  append(change: ConsumerChange): void;
  /** Replaces the whole state, as a consumer reset does. */
  replace(state: ConsumerState): void;
  /** Calls `callback` once everything appended so far is durable; at once if it is. */
  whenDurable(callback: () => void): void;
}
