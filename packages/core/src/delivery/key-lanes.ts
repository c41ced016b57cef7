/** Lets one piece of work of each key through at a time; the others wait, in order. */
export class KeyLanes<T> {
  private readonly lanes = new Map<string, T[]>();

  /** @returns whether `work` may go now; otherwise it waits for {@link KeyLanes.leave}. */
  enter(key: string, work: T): boolean {
    const waiting = this.lanes.get(key);
    if (waiting === undefined) {
      this.lanes.set(key, []);
      return true;
    }
    waiting.push(work);
    return false;
  }

  /** The work of a key is through. @returns the next one of the key, which may go now */
  leave(key: string): T | undefined {
    const waiting = this.lanes.get(key);
    const next = waiting?.shift();
    if (next === undefined) this.lanes.delete(key);
    return next;
  }
}
