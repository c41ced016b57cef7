import type { ConsumerState, PendingDelivery, SequencePair } from "@ganglion/store";

/** A delivered message that waits for its acknowledgement. Mutable: redeliveries change it in place. */
export interface PendingEntry extends PendingDelivery {
  /** Sequence in the consumer of the first delivery. */
  readonly consumerSequence: number;
  timestampUs: number;
  deliveries: number;
}

/**
 * What a consumer delivered, what of it is not acknowledged, and the floor below which everything is. Pure.
 *
 * First deliveries come in order of the stream, so the oldest unacknowledged one is found by walking a list
 * forward; no step of it is walked twice.
 */
export class AckFloor {
  private readonly entries = new Map<number, PendingEntry>();
  /** Stream sequences in order of first delivery; those before `head` are done. */
  private order: number[] = [];
  private head = 0;
  private deliveredPair: SequencePair;
  private floorPair: SequencePair;

  /** @param startSequence - the stream sequence a new consumer starts with. */
  constructor(startSequence: number, state?: ConsumerState) {
    const start = { consumer: 0, stream: Math.max(0, startSequence - 1) };
    this.deliveredPair = state?.delivered ?? start;
    this.floorPair = state?.ackFloor ?? start;
    for (const [sequence, entry] of [...(state?.pending ?? [])].sort(([a], [b]) => a - b)) {
      this.entries.set(sequence, { ...entry });
      this.order.push(sequence);
    }
  }

  /** Last delivered. */
  get delivered(): SequencePair {
    return this.deliveredPair;
  }

  /** Everything up to here is acknowledged. */
  get floor(): SequencePair {
    return this.floorPair;
  }

  /** By stream sequence. */
  get pending(): ReadonlyMap<number, PendingEntry> {
    return this.entries;
  }

  /** Takes in a first delivery that wants an acknowledgement. */
  deliver(streamSequence: number, timestampUs: number): PendingEntry {
    const consumerSequence = this.deliveredPair.consumer + 1;
    this.deliveredPair = { consumer: consumerSequence, stream: streamSequence };
    const entry = { consumerSequence, timestampUs, deliveries: 1 };
    this.entries.set(streamSequence, entry);
    this.order.push(streamSequence);
    return entry;
  }

  /** Takes in a delivery that is acknowledged by being sent. */
  deliverUnacknowledged(streamSequence: number): void {
    this.deliveredPair = { consumer: this.deliveredPair.consumer + 1, stream: streamSequence };
    this.floorPair = this.deliveredPair;
  }

  /** Counts a redelivery. @returns its consumer sequence. */
  redeliver(entry: PendingEntry, timestampUs: number): number {
    this.deliveredPair = { consumer: this.deliveredPair.consumer + 1, stream: this.deliveredPair.stream };
    entry.deliveries++;
    entry.timestampUs = timestampUs;
    return this.deliveredPair.consumer;
  }

  /** Acknowledges one message. @returns false when it was not pending. */
  acknowledge(streamSequence: number): boolean {
    if (!this.entries.delete(streamSequence)) return false;
    this.advance();
    return true;
  }

  /** Acknowledges a message and all before it. @returns the stream sequences that were pending. */
  acknowledgeThrough(streamSequence: number, consumerSequence: number): number[] {
    const acknowledged: number[] = [];
    while (this.head < this.order.length && (this.order[this.head] ?? 0) <= streamSequence) {
      const sequence = this.order[this.head++] ?? 0;
      if (this.entries.delete(sequence)) acknowledged.push(sequence);
    }
    this.compact();
    if (streamSequence > this.floorPair.stream) {
      this.floorPair = {
        consumer: Math.max(consumerSequence, this.floorPair.consumer),
        stream: streamSequence,
      };
    }
    return acknowledged;
  }

  /** Stops waiting for a message without moving the floor past others: its deliveries are used up. */
  abandon(streamSequence: number): void {
    if (this.entries.delete(streamSequence) && this.entries.size === 0) this.advance();
  }

  /** Lets go of everything below `streamSequence`: the stream no longer holds it. @returns what was pending. */
  skipTo(streamSequence: number): number[] {
    const gone: number[] = [];
    for (const sequence of this.entries.keys()) if (sequence < streamSequence) gone.push(sequence);
    for (const sequence of gone) this.entries.delete(sequence);
    if (this.deliveredPair.stream < streamSequence - 1) {
      this.deliveredPair = { consumer: this.deliveredPair.consumer, stream: streamSequence - 1 };
    }
    if (gone.length > 0 || this.floorPair.stream < streamSequence - 1) this.advance();
    return gone;
  }

  private advance(): void {
    while (this.head < this.order.length && !this.entries.has(this.order[this.head] ?? 0)) this.head++;
    const oldest = this.order[this.head];
    const entry = oldest === undefined ? undefined : this.entries.get(oldest);
    this.floorPair =
      oldest === undefined || entry === undefined
        ? this.deliveredPair
        : { consumer: entry.consumerSequence - 1, stream: oldest - 1 };
    this.compact();
  }

  private compact(): void {
    if (this.head < 1024 || this.head * 2 < this.order.length) return;
    this.order = this.order.slice(this.head);
    this.head = 0;
  }
}
