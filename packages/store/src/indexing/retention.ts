import type { Clock, Timer } from "@ganglion/kernel";
import type { RemovalReason, StoreLimits } from "../message-store.js";
import type { MessageIndex } from "./message-index.js";
import type { SubjectEntry } from "./subject-index.js";

/** Takes a message out of the store and tells the stream. */
export type Discard = (sequence: number, reason: RemovalReason) => void;

/** What {@link Retention} needs. */
export interface RetentionOptions {
  readonly limits: StoreLimits;
  readonly discard: Discard;
  readonly clock: Clock;
}

/**
 * Keeps the limits of a stream. A limit acts when the message that exceeds it has become durable, never
 * earlier: were that message lost in a failed write, the ones it displaced must still be there.
 */
export class Retention {
  private timer: Timer | undefined;
  private closed = false;

  private limits: StoreLimits;
  private readonly discard: Discard;
  private readonly clock: Clock;

  constructor(
    private readonly index: MessageIndex,
    options: RetentionOptions,
  ) {
    this.limits = options.limits;
    this.discard = options.discard;
    this.clock = options.clock;
  }

  /** Counts everything up to `sequence` as durable and removes what that puts over the limits. */
  advance(sequence: number): void {
    const { maxMessagesPerSubject } = this.limits;
    if (maxMessagesPerSubject > 0) {
      this.index.markDurable(sequence, (subject) => this.trimSubject(subject, maxMessagesPerSubject));
    } else {
      this.index.markDurable(sequence);
    }
    this.trim();
    if (this.timer === undefined) this.expire();
  }

  setLimits(limits: StoreLimits): void {
    this.limits = limits;
    if (limits.maxMessagesPerSubject > 0) {
      for (const entry of this.index.subjectEntries()) this.trimSubject(entry, limits.maxMessagesPerSubject);
    }
    this.trim();
    this.expire();
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private trimSubject(subject: SubjectEntry, maxMessages: number): void {
    while (subject.count - subject.stagedCount > maxMessages) this.discard(subject.firstSequence, "limit");
  }

  private trim(): void {
    const { index } = this;
    const { maxMessages, maxBytes } = this.limits;
    while (maxMessages > 0 && index.count - index.stagedCount > maxMessages) {
      this.discard(index.firstSequence, "limit");
    }
    while (maxBytes > 0 && index.bytes - index.stagedBytes > maxBytes)
      this.discard(index.firstSequence, "limit");
  }

  /** Removes what is too old and sets the one timer to when the oldest message will be. */
  private expire(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { maxAgeUs } = this.limits;
    if (maxAgeUs <= 0 || this.closed) return;
    for (;;) {
      const oldest = this.index.get(this.index.firstSequence);
      if (oldest === undefined || oldest.sequence > this.index.durableSequence) return;
      const dueUs = oldest.timestampUs + maxAgeUs - this.clock.nowUs();
      if (dueUs > 0) {
        this.timer = this.clock.schedule(Math.ceil(dueUs / 1000), () => this.expire());
        return;
      }
      this.discard(oldest.sequence, "age");
    }
  }
}
