interface Due<T> {
  readonly atUs: number;
  readonly value: T;
}

/** Things that are due at a time each: a binary heap, the earliest first. Pure. */
export class DueQueue<T> {
  private readonly heap: Due<T>[] = [];

  /** When the earliest is due, in microseconds. */
  get nextUs(): number | undefined {
    return this.heap[0]?.atUs;
  }

  add(atUs: number, value: T): void {
    const { heap } = this;
    let at = heap.length;
    const added = { atUs, value };
    heap.push(added);
    for (let parent = (at - 1) >> 1; at > 0; parent = (at - 1) >> 1) {
      const above = heap[parent] as Due<T>; // at is above 0, so it has a parent
      if (above.atUs <= atUs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = added;
  }

  /** Removes and returns what is due at `nowUs`, at most `maxCount`. */
  takeDue(nowUs: number, maxCount: number): T[] {
    const due: T[] = [];
    for (let next = this.heap[0]; next !== undefined && next.atUs <= nowUs; next = this.heap[0]) {
      if (due.length >= maxCount) break;
      due.push(next.value);
      this.removeFirst();
    }
    return due;
  }

  clear(): void {
    this.heap.length = 0;
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && right.atUs < left.atUs) {
        least = right;
        child++;
      }
      if (least.atUs >= last.atUs) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  }
}
