/** Lets so many pieces of work run at a time, and keeps so many waiting, in order. */
export class Gate<T> {
  private readonly waiting: T[] = [];
  private head = 0;
  running = 0;

  /**
   * @param limit - how many run at a time.
   * @param queueLimit - how many wait.
   * @param start - starts one; {@link Gate.done} must be called when it is through.
   */
  constructor(
    private readonly limit: number,
    private readonly queueLimit: number,
    private readonly start: (work: T) => void,
  ) {}

  get queued(): number {
    return this.waiting.length - this.head;
  }

  /** @returns false when there is no room, not even to wait. */
  enter(work: T): boolean {
    if (this.running < this.limit) {
      this.running++;
      this.start(work);
      return true;
    }
    if (this.queued >= this.queueLimit) return false;
    this.waiting.push(work);
    return true;
  }

  done(): void {
    if (this.head === this.waiting.length) {
      this.running--;
      return;
    }
    const next = this.waiting[this.head] as T; // head is below the length
    this.head++;
    if (this.head === this.waiting.length) {
      this.waiting.length = 0;
      this.head = 0;
    } else if (this.head >= 1_024) {
      this.waiting.splice(0, this.head);
      this.head = 0;
    }
    this.start(next);
  }

  /** Takes out what waits. */
  clear(): readonly T[] {
    const rest = this.waiting.slice(this.head);
    this.waiting.length = 0;
    this.head = 0;
    return rest;
  }
}
