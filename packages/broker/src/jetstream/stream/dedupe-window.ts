interface Seen {
  readonly messageId: string;
  readonly sequence: number;
  readonly timestampUs: number;
}

/** Remembers the ids of messages for a while, so that a repeated publish is stored once. Pure. */
export class DedupeWindow {
  private readonly sequences = new Map<string, Seen>();
  /** In order of time; those before `head` are forgotten. */
  private order: Seen[] = [];
  private head = 0;

  /** @param windowUs - how long an id is remembered, in microseconds. */
  constructor(private windowUs: number) {}

  /** How many ids are remembered. */
  get size(): number {
    return this.sequences.size;
  }

  /** Sequence of the message with this id, if it came within the window. */
  find(messageId: string, nowUs: number): number | undefined {
    const seen = this.sequences.get(messageId);
    return seen !== undefined && nowUs - seen.timestampUs < this.windowUs ? seen.sequence : undefined;
  }

  /** Remembers an id, and forgets those that are too old. Times must not go back. */
  add(messageId: string, sequence: number, timestampUs: number): void {
    this.forget(timestampUs);
    const seen = { messageId, sequence, timestampUs };
    this.sequences.set(messageId, seen);
    this.order.push(seen);
  }

  /** Forgets the ids of messages from `sequence` on: they were not stored after all. */
  takeBack(sequence: number): void {
    while (this.order.length > this.head && (this.order.at(-1)?.sequence ?? 0) >= sequence) {
      const seen = this.order.pop();
      if (seen !== undefined && this.sequences.get(seen.messageId) === seen)
        this.sequences.delete(seen.messageId);
    }
  }

  setWindow(windowUs: number): void {
    this.windowUs = windowUs;
  }

  private forget(nowUs: number): void {
    for (let seen = this.order[this.head]; seen !== undefined; seen = this.order[this.head]) {
      if (nowUs - seen.timestampUs < this.windowUs) break;
      if (this.sequences.get(seen.messageId) === seen) this.sequences.delete(seen.messageId);
      this.head++;
    }
    if (this.head < 1024 || this.head * 2 < this.order.length) return;
    this.order = this.order.slice(this.head);
    this.head = 0;
  }
}
