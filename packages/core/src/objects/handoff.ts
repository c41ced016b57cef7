/** Hands values from one side to the other, one at a time: who offers waits until the value was taken. */
export class Handoff<T> {
  private offered: { readonly value: T; readonly taken: () => void } | undefined;
  private taker: ((value: T | undefined) => void) | undefined;
  private ended = false;

  /** Resolves when somebody took the value, or when it is ended. One value at a time. */
  offer(value: T): Promise<void> {
    if (this.ended) return Promise.resolve();
    const { taker } = this;
    if (taker !== undefined) {
      this.taker = undefined;
      taker(value);
      return Promise.resolve();
    }
    return new Promise((taken) => {
      this.offered = { value, taken };
    });
  }

  /** The next value; undefined when there will be none. */
  take(): Promise<T | undefined> {
    const { offered } = this;
    if (offered !== undefined) {
      this.offered = undefined;
      offered.taken();
      return Promise.resolve(offered.value);
    }
    if (this.ended) return Promise.resolve(undefined);
    return new Promise((taker) => {
      this.taker = taker;
    });
  }

  /** No more values. Idempotent. */
  end(): void {
    this.ended = true;
    this.offered?.taken();
    this.taker?.(undefined);
    this.taker = undefined;
  }
}
