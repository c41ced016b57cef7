import type { PendingEntry } from "./ack-floor.js";

/** Sequences that wait to be delivered again, first in first out, each at most once. Pure. */
export class RedeliveryQueue {
  private order: number[] = [];
  private head = 0;
  /** Position in `order` of every member; an entry of `order` without its position here was removed. */
  private readonly positions = new Map<number, number>();
  /** How many entries were cut off the front of `order`. */
  private cut = 0;

  get size(): number {
    return this.positions.size;
  }

  has(sequence: number): boolean {
    return this.positions.has(sequence);
  }

  push(sequence: number): void {
    if (this.positions.has(sequence)) return;
    this.positions.set(sequence, this.cut + this.order.length);
    this.order.push(sequence);
  }

  /** The sequence that is next, without taking it. */
  peek(): number | undefined {
    for (; this.head < this.order.length; this.head++) {
      const sequence = this.order[this.head] ?? 0;
      if (this.positions.get(sequence) === this.cut + this.head) return sequence;
    }
    this.cut += this.order.length;
    this.order = [];
    this.head = 0;
    return undefined;
  }

  remove(sequence: number): boolean {
    return this.positions.delete(sequence);
  }

  clear(): void {
    this.positions.clear();
  }
}

/** When pending messages fall due. Durations are microseconds. */
export interface RedeliveryTiming {
  readonly ackWaitUs: number;
  /** Replaces the wait, by number of deliveries; the last one repeats. */
  readonly backoffUs: readonly number[];
}

/** How long a message waits for its acknowledgement after its `deliveries`-th delivery, in microseconds. */
export function redeliveryWaitUs(timing: RedeliveryTiming, deliveries: number): number {
  const { backoffUs, ackWaitUs } = timing;
  return backoffUs[Math.min(Math.max(deliveries, 1), backoffUs.length) - 1] ?? ackWaitUs;
}

/** What {@link findExpired} found. */
export interface ExpiredDeliveries {
  /** Stream sequences that fell due, in order of the stream. */
  readonly expired: readonly number[];
  /** When the next one falls due, microseconds since 1970; undefined when none waits. */
  readonly nextDueUs: number | undefined;
}

/**
 * Finds pending messages whose acknowledgement is overdue.
 *
 * @param isQueued - tells which ones wait for redelivery already; these are passed over.
 */
export function findExpired(
  pending: ReadonlyMap<number, PendingEntry>,
  isQueued: (streamSequence: number) => boolean,
  timing: RedeliveryTiming & { readonly nowUs: number },
): ExpiredDeliveries {
  const expired: number[] = [];
  let nextDueUs: number | undefined;
  for (const [sequence, entry] of pending) {
    if (isQueued(sequence)) continue;
    const dueUs = entry.timestampUs + redeliveryWaitUs(timing, entry.deliveries);
    if (dueUs <= timing.nowUs) expired.push(sequence);
    else if (nextDueUs === undefined || dueUs < nextDueUs) nextDueUs = dueUs;
  }
  return { expired: expired.sort((a, b) => a - b), nextDueUs };
}
