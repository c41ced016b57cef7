import type { Clock, Timer } from "@ganglion/kernel";
import type { ConsumerConfig } from "@ganglion/protocol";
import type { ConsumerState, ConsumerStore, SequencePair } from "@ganglion/store";
import type { ConsumerPosition } from "../stream/retention.js";
import { AckFloor, type PendingEntry } from "./ack-floor.js";
import { findExpired, RedeliveryQueue, type RedeliveryTiming, redeliveryWaitUs } from "./redelivery.js";

/** What happens to a consumer's deliveries, told to the consumer. */
export interface PendingAcksEvents {
  /** The consumer no longer needs a message. */
  released(streamSequence: number): void;
  /** There may be something to deliver: a redelivery, or room under `max_ack_pending`. */
  wake(): void;
  /** A message was delivered as often as `max_deliver` allows, and not acknowledged. */
  exhausted(streamSequence: number, deliveries: number): void;
}

/** What {@link PendingAcks} is made with. */
export interface PendingAcksOptions {
  readonly config: ConsumerConfig;
  readonly clock: Clock;
  /** Undefined for a consumer that forgets with the process. */
  readonly store: ConsumerStore | undefined;
  readonly startSequence: number;
  readonly state: ConsumerState | undefined;
  readonly events: PendingAcksEvents;
}

/** Added to every ack wait, so that messages that fall due together are found together. */
const EXPIRY_DELAY_MS = 1;

/** Deliveries of a consumer on their way to an acknowledgement: floor, redelivery queue and the one timer. */
export class PendingAcks {
  private floor: AckFloor;
  private readonly redeliveries = new RedeliveryQueue();
  /** Messages whose deliveries are used up, with their number. They are kept until acknowledged or removed. */
  private readonly abandoned = new Map<number, number>();
  private timing: RedeliveryTiming;
  private timer: Timer | undefined;
  private timerDueUs = Number.POSITIVE_INFINITY;
  private closed = false;

  private config: ConsumerConfig;

  constructor(private readonly options: PendingAcksOptions) {
    this.config = options.config;
    this.timing = timingOf(options.config);
    this.floor = new AckFloor(options.startSequence, options.state);
  }

  get delivered(): SequencePair {
    return this.floor.delivered;
  }

  get ackFloor(): SequencePair {
    return this.floor.floor;
  }

  get pending(): ReadonlyMap<number, PendingEntry> {
    return this.floor.pending;
  }

  get waitingForRedelivery(): number {
    return this.redeliveries.size;
  }

  /** Messages that were delivered more than once and are not acknowledged. */
  get redeliveredCount(): number {
    let count = this.abandoned.size;
    for (const entry of this.floor.pending.values()) if (entry.deliveries > 1) count++;
    return count;
  }

  /** Whether `max_ack_pending` is reached. */
  get isFull(): boolean {
    const limit = this.config.max_ack_pending ?? 0;
    return this.config.ack_policy !== "none" && limit > 0 && this.floor.pending.size >= limit;
  }

  /** Starts the timer for what was pending before a restart. */
  start(): void {
    this.expire();
  }

  /** Stream sequence of the message to deliver again next, without taking it. */
  nextRedeliverySequence(): number | undefined {
    for (let next = this.redeliveries.peek(); next !== undefined; next = this.redeliveries.peek()) {
      if (this.floor.pending.has(next)) return next;
      this.redeliveries.remove(next);
    }
    return undefined;
  }

  /** Takes in a delivery that was sent. `entry` is given for a redelivery. */
  sent(streamSequence: number, entry: PendingEntry | undefined): void {
    const timestampUs = this.options.clock.nowUs();
    const wantsAck = this.config.ack_policy !== "none";
    if (entry !== undefined) {
      this.redeliveries.remove(streamSequence);
      this.floor.redeliver(entry, timestampUs);
    } else if (wantsAck) {
      this.floor.deliver(streamSequence, timestampUs);
    } else {
      this.floor.deliverUnacknowledged(streamSequence);
    }
    const deliveries = entry?.deliveries ?? 1;
    this.options.store?.append({
      kind: "delivered",
      streamSequence,
      consumerSequence: this.floor.delivered.consumer,
      timestampUs,
      deliveries,
      pending: wantsAck,
    });
    if (wantsAck && this.timesOut) this.arm(timestampUs + redeliveryWaitUs(this.timing, deliveries));
  }

  /** Acknowledges by the consumer's policy. @returns false when the policy knows no acknowledgements. */
  acknowledge(streamSequence: number, consumerSequence: number): boolean {
    if (this.config.ack_policy === "none") return false;
    const wasFull = this.isFull;
    if (this.config.ack_policy === "explicit") this.acknowledgeOne(streamSequence);
    else this.acknowledgeAll(streamSequence, consumerSequence);
    if (wasFull && !this.isFull) this.options.events.wake();
    return true;
  }

  /** Delivers a message again, at once or after `delayUs` microseconds. @returns false when it is not pending. */
  nak(streamSequence: number, delayUs: number | undefined): boolean {
    const entry = this.floor.pending.get(streamSequence);
    if (entry === undefined) return false;
    if (delayUs === undefined) {
      if (!this.isExhausted(streamSequence, entry)) this.redeliveries.push(streamSequence);
      this.options.events.wake();
      return true;
    }
    this.redeliveries.remove(streamSequence);
    const waitUs = redeliveryWaitUs(this.timing, entry.deliveries);
    // As if it had been sent earlier or later, so that its wait ends when the delay does.
    this.restamp(streamSequence, entry, this.options.clock.nowUs() - waitUs + delayUs);
    return true;
  }

  /** Starts the ack wait of a message anew. */
  progress(streamSequence: number): void {
    const entry = this.floor.pending.get(streamSequence);
    if (entry !== undefined) this.restamp(streamSequence, entry, this.options.clock.nowUs());
  }

  /** A message left the stream. @returns the delivery that will not be acknowledged any more. */
  removed(streamSequence: number): PendingEntry | undefined {
    this.abandoned.delete(streamSequence);
    const entry = this.floor.pending.get(streamSequence);
    if (entry === undefined) return undefined;
    const wasFull = this.isFull;
    this.acknowledgeOne(streamSequence, false);
    if (wasFull) this.options.events.wake();
    return entry;
  }

  /** The stream holds nothing for this consumer below `streamSequence` any more. */
  skipTo(streamSequence: number): void {
    const { delivered, floor } = this.floor;
    for (const gone of this.floor.skipTo(streamSequence)) this.redeliveries.remove(gone);
    for (const gone of this.abandoned.keys()) if (gone < streamSequence) this.abandoned.delete(gone);
    if (delivered === this.floor.delivered && floor === this.floor.floor) return;
    this.options.store?.append({
      kind: "floor",
      ackFloor: this.floor.floor,
      delivered: this.floor.delivered,
    });
  }

  /** Forgets every delivery: the consumer goes on at `startSequence` as if it were new. */
  reset(startSequence: number): void {
    this.floor = new AckFloor(startSequence);
    this.redeliveries.clear();
    this.abandoned.clear();
    this.timer?.cancel();
    this.timerDueUs = Number.POSITIVE_INFINITY;
    const { delivered, floor } = this.floor;
    this.options.store?.replace({ delivered, ackFloor: floor, pending: new Map() });
  }

  /** Delivers everything that is pending again, as when the deliver subject changes. */
  redeliverAll(): void {
    for (const [sequence, entry] of this.floor.pending) {
      if (!this.isExhausted(sequence, entry)) this.redeliveries.push(sequence);
    }
    this.options.events.wake();
  }

  updateConfig(config: ConsumerConfig): void {
    this.config = config;
    this.timing = timingOf(config);
    this.expire();
  }

  /** For {@link needsAck}; `isUndelivered` is the cursor's. */
  position(isUndelivered: (sequence: number) => boolean): ConsumerPosition {
    return {
      ackPolicy: this.config.ack_policy,
      floorSequence: this.floor.floor.stream,
      isUndelivered,
      isPending: (sequence) => this.floor.pending.has(sequence),
      isAbandoned: (sequence) => this.abandoned.has(sequence),
    };
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  private acknowledgeOne(streamSequence: number, release = true): void {
    this.abandoned.delete(streamSequence);
    this.redeliveries.remove(streamSequence);
    if (this.floor.acknowledge(streamSequence)) {
      this.options.store?.append({ kind: "acknowledged", streamSequence, ackFloor: this.floor.floor });
    }
    if (release) this.options.events.released(streamSequence);
  }

  private acknowledgeAll(streamSequence: number, consumerSequence: number): void {
    if (streamSequence <= this.floor.floor.stream) return;
    const acknowledged = this.floor.acknowledgeThrough(streamSequence, consumerSequence);
    this.options.store?.append({
      kind: "floor",
      ackFloor: this.floor.floor,
      delivered: this.floor.delivered,
    });
    for (const sequence of this.abandoned.keys()) if (sequence <= streamSequence) acknowledged.push(sequence);
    for (const sequence of acknowledged) {
      this.abandoned.delete(sequence);
      this.redeliveries.remove(sequence);
      this.options.events.released(sequence);
    }
  }

  private restamp(streamSequence: number, entry: PendingEntry, timestampUs: number): void {
    entry.timestampUs = timestampUs;
    this.options.store?.append({
      kind: "delivered",
      streamSequence,
      consumerSequence: entry.consumerSequence,
      timestampUs,
      deliveries: entry.deliveries,
      pending: true,
    });
    this.arm(timestampUs + redeliveryWaitUs(this.timing, entry.deliveries));
  }

  /** Gives a message up when its deliveries are used up. */
  private isExhausted(streamSequence: number, entry: PendingEntry): boolean {
    const limit = this.config.max_deliver ?? -1;
    if (limit <= 0 || entry.deliveries < limit) return false;
    const wasFull = this.isFull;
    this.abandoned.set(streamSequence, entry.deliveries);
    this.floor.abandon(streamSequence);
    this.options.events.exhausted(streamSequence, entry.deliveries);
    if (wasFull) this.options.events.wake();
    return true;
  }

  /** Whether a message is delivered again when its acknowledgement does not come in time. */
  private get timesOut(): boolean {
    return this.config.ack_policy !== "flow_control";
  }

  private expire(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.timerDueUs = Number.POSITIVE_INFINITY;
    if (!this.timesOut) return;
    const isQueued = (sequence: number) => this.redeliveries.has(sequence);
    const nowUs = this.options.clock.nowUs();
    const { expired, nextDueUs } = findExpired(this.floor.pending, isQueued, { ...this.timing, nowUs });
    let queued = false;
    for (const sequence of expired) {
      const entry = this.floor.pending.get(sequence);
      if (entry === undefined || this.isExhausted(sequence, entry)) continue;
      this.redeliveries.push(sequence);
      queued = true;
    }
    if (nextDueUs !== undefined) this.arm(nextDueUs);
    if (queued) this.options.events.wake();
  }

  private arm(dueUs: number): void {
    if (dueUs >= this.timerDueUs || this.closed) return;
    this.timer?.cancel();
    this.timerDueUs = dueUs;
    const delayMs = Math.max(0, (dueUs - this.options.clock.nowUs()) / 1000) + EXPIRY_DELAY_MS;
    this.timer = this.options.clock.schedule(delayMs, () => this.expire());
  }
}

function timingOf(config: ConsumerConfig): RedeliveryTiming {
  return {
    ackWaitUs: (config.ack_wait ?? 0) / 1000,
    backoffUs: (config.backoff ?? []).map((ns) => ns / 1000),
  };
}
