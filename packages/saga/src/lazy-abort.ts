/** An AbortSignal that is made when somebody looks at it: most steps never do, and making one costs microseconds. */
export class LazyAbort {
  private controller: AbortController | undefined;
  private readonly listeners = new Set<(reason: unknown) => void>();
  private over: { readonly reason: unknown } | undefined;

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.over !== undefined) this.controller.abort(this.over.reason);
    }
    return this.controller.signal;
  }

  get aborted(): boolean {
    return this.over !== undefined;
  }

  /** Later calls do nothing. */
  abort(reason: unknown): void {
    if (this.over !== undefined) return;
    this.over = { reason };
    this.controller?.abort(reason);
    for (const listener of this.listeners) listener(reason);
    this.listeners.clear();
  }

  /** Calls `listener` when it is aborted; at once when it is. @returns a function that ends it */
  onAbort(listener: (reason: unknown) => void): () => void {
    if (this.over !== undefined) listener(this.over.reason);
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
