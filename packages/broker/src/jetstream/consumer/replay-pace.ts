import type { StoredMessage } from "@ganglion/store";

/** Source: consumer.go `loopAndGatherMsgs`, which does not wait for less. */
const MIN_DELAY_US = 1000;

/** Holds messages back so that they go out at the pace they came in, up to where the consumer started. Pure. */
export class ReplayPace {
  private lastTimestampUs: number | undefined;
  private held: { readonly sequence: number; readonly dueMs: number } | undefined;

  /** @param untilSequence - the last message that is paced; what comes later is live. */
  constructor(private readonly untilSequence: number) {}

  /** How long to hold `message` back, in milliseconds. Times are of a monotonic clock. */
  delayMs(message: StoredMessage, nowMs: number): number {
    if (message.sequence > this.untilSequence || this.lastTimestampUs === undefined) return 0;
    if (this.held?.sequence !== message.sequence) {
      const gapUs = message.timestampUs - this.lastTimestampUs;
      if (gapUs <= MIN_DELAY_US) return 0;
      this.held = { sequence: message.sequence, dueMs: nowMs + gapUs / 1000 };
    }
    return Math.max(0, this.held.dueMs - nowMs);
  }

  /** Notes that `message` went out. */
  delivered(message: StoredMessage): void {
    this.lastTimestampUs = message.timestampUs;
    this.held = undefined;
  }
}
