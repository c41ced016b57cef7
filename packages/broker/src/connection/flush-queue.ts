import { type Clock, systemClock } from "@ganglion/kernel";

/** Something that gathers writes until the end of the event-loop turn. */
export interface Flushable {
  /** @param nowMs - the monotonic clock, read once for all that are flushed together. */
  flush(nowMs: number): void;
}

/** Flushes every outbox that was written to once per event-loop turn: after all sockets that had data were read. */
export class FlushQueue {
  private waiting: Flushable[] = [];
  private scheduled = false;

  constructor(private readonly clock: Pick<Clock, "monotonicMs"> = systemClock) {}

  /** Must be called once per outbox and turn. */
  add(outbox: Flushable): void {
    this.waiting.push(outbox);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flush);
  }

  private readonly flush = (): void => {
    const outboxes = this.waiting;
    this.waiting = [];
    this.scheduled = false;
    const nowMs = this.clock.monotonicMs();
    for (const outbox of outboxes) outbox.flush(nowMs);
  };
}
