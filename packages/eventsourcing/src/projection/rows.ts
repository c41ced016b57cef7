import type { Awaitable } from "./read-model.js";

/**
 * Rows as an event handler sees them: its own writes and everything before them. What is written becomes visible to
 * queries together with the checkpoint.
 */
export interface Rows<Row> {
  get(key: string): Awaitable<Row | undefined>;
  set(key: string, row: Row): void;
  /** Replaces a row by what `change` makes of it; `undefined` removes it. */
  update(key: string, change: (row: Row | undefined) => Row | undefined): Awaitable<void>;
  delete(key: string): void;
}

/** Writes of one batch, before they are stored. `undefined`: removed. */
export class RowBuffer<Row> implements Rows<Row> {
  readonly written = new Map<string, Row | undefined>();

  /** @param load - reads a row that was not written yet. */
  constructor(private readonly load: (key: string) => Awaitable<Row | undefined>) {}

  get(key: string): Awaitable<Row | undefined> {
    return this.written.has(key) ? this.written.get(key) : this.load(key);
  }

  set(key: string, row: Row): void {
    this.written.set(key, row);
  }

  update(key: string, change: (row: Row | undefined) => Row | undefined): Awaitable<void> {
    const row = this.get(key);
    if (row instanceof Promise) {
      return row.then((loaded) => {
        this.written.set(key, change(loaded));
      });
    }
    this.written.set(key, change(row));
  }

  delete(key: string): void {
    this.written.set(key, undefined);
  }
}
