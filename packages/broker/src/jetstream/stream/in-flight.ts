/** What batches of a server may take. */
export interface BatchLimits {
  /** Batches one stream gathers at a time. */
  readonly maxPerStream: Readonly<Record<BatchKind, number>>;
  /** Batches all streams gather at a time. */
  readonly maxTotal: Readonly<Record<BatchKind, number>>;
  /** Messages of an atomic batch. */
  readonly maxMessages: number;
  /** How long a batch waits for its next message. */
  readonly timeoutMs: number;
}

/** Atomic batches are stored as one; fast ones are only answered together. */
export type BatchKind = "atomic" | "fast";

/** Source: nats-server stream.go `streamDefaultMaxBatchTimeout` and neighbours. */
export const DEFAULT_BATCH_LIMITS: BatchLimits = {
  maxPerStream: { atomic: 50, fast: 1000 },
  maxTotal: { atomic: 1000, fast: 50_000 },
  maxMessages: 1000,
  timeoutMs: 10_000,
};

/** Counts the batches that all streams of a server gather. */
export class InFlight {
  private readonly counts = { atomic: 0, fast: 0 };

  constructor(readonly limits: BatchLimits = DEFAULT_BATCH_LIMITS) {}

  /** Counts one more. @param ofStream - how many its stream has. @returns false when that is too many. */
  begin(kind: BatchKind, ofStream: number): boolean {
    const { maxPerStream, maxTotal } = this.limits;
    if (ofStream >= maxPerStream[kind] || this.counts[kind] >= maxTotal[kind]) return false;
    this.counts[kind]++;
    return true;
  }

  end(kind: BatchKind): void {
    this.counts[kind]--;
  }
}
