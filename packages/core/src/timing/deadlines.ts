import type { Clock, Timer } from "@ganglion/kernel";

/** Something that may expire. The fields belong to {@link Deadlines}. */
export abstract class Expiring {
  /** @internal */
  bucket: Bucket | undefined;
  /** @internal */
  next: Expiring | undefined;
  /** @internal */
  previous: Expiring | undefined;

  /** Called when its time is over. Must not throw. */
  abstract expire(): void;
}

interface Bucket {
  readonly tick: number;
  first: Expiring | undefined;
}

/** Deadlines within this many milliseconds share a bucket, so one may come that much late and never early. */
const TICK_MS = 8;

/**
 * Many deadlines with one timer. Adding and removing take constant time and create nothing but, now and then, a
 * bucket: a timer for each of 60,000 calls a second would cost more than the calls.
 */
export class Deadlines {
  private readonly buckets = new Map<number, Bucket>();
  private timer: Timer | undefined;
  private timerTick = Number.POSITIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Starts to watch; an entry that is watched already is moved. */
  add(entry: Expiring, timeoutMs: number): void {
    this.addAt(entry, this.clock.monotonicMs() + timeoutMs);
  }

  /** The same with a time of the monotonic clock. */
  addAt(entry: Expiring, atMs: number): void {
    if (entry.bucket !== undefined) this.remove(entry);
    const tick = Math.ceil(atMs / TICK_MS);
    let bucket = this.buckets.get(tick);
    if (bucket === undefined) {
      bucket = { tick, first: undefined };
      this.buckets.set(tick, bucket);
      if (tick < this.timerTick) this.arm(tick);
    }
    entry.bucket = bucket;
    entry.next = bucket.first;
    if (bucket.first !== undefined) bucket.first.previous = entry;
    bucket.first = entry;
  }

  /** Stops to watch. Does nothing for an entry that is not watched. */
  remove(entry: Expiring): void {
    const { bucket, next, previous } = entry;
    if (bucket === undefined) return;
    if (previous === undefined) bucket.first = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    entry.bucket = undefined;
    entry.next = undefined;
    entry.previous = undefined;
  }

  private arm(tick: number): void {
    this.timer?.cancel();
    this.timerTick = tick;
    this.timer = this.clock.schedule(tick * TICK_MS - this.clock.monotonicMs(), () => this.fire());
  }

  private fire(): void {
    const nowTick = Math.floor(this.clock.monotonicMs() / TICK_MS);
    let nextTick = Number.POSITIVE_INFINITY;
    for (const bucket of this.buckets.values()) {
      if (bucket.tick > nowTick) {
        if (bucket.first === undefined) this.buckets.delete(bucket.tick);
        else nextTick = Math.min(nextTick, bucket.tick);
        continue;
      }
      this.buckets.delete(bucket.tick);
      for (let entry = bucket.first; entry !== undefined; entry = bucket.first) {
        this.remove(entry);
        entry.expire();
      }
    }
    this.timerTick = Number.POSITIVE_INFINITY;
    // An expiry may have added entries while this ran; look again.
    for (const tick of this.buckets.keys()) nextTick = Math.min(nextTick, tick);
    if (nextTick !== Number.POSITIVE_INFINITY) this.arm(nextTick);
  }
}
