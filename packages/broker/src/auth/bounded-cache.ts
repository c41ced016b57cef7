/** Remembers what was computed for a subject; when it is full, the oldest entry goes. */
export class BoundedCache<T> {
  private readonly entries = new Map<string, T>();

  /** @param size - most entries. */
  constructor(private readonly size: number) {}

  /** The value of `key`, computed when it is not remembered. */
  get(key: string, compute: () => T): T {
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const value = compute();
    if (this.entries.size >= this.size) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest);
        break;
      }
    }
    this.entries.set(key, value);
    return value;
  }
}
