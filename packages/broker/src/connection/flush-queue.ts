/** Something that gathers writes until the end of the event-loop turn. */
export interface Flushable {
  flush(): void;
}

/** Flushes every outbox that was written to once per event-loop turn: after all sockets that had data were read. */
export class FlushQueue {
  private waiting: Flushable[] = [];
  private scheduled = false;

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
    for (const outbox of outboxes) outbox.flush();
  };
}
