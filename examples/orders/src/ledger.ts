import { type FileHandle, mkdir, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Something a service did, or undid, for an order. */
export interface Effect {
  /** `void`: nothing was done under this key, and nothing may be done any more. */
  readonly kind: "reserve" | "release" | "charge" | "refund" | "ship" | "void";
  readonly orderId: string;
}

interface Entry extends Effect {
  /** The caller's idempotency key; the ledger holds at most one entry for each. */
  readonly key: string;
}

/** Ending that a saga gives the key of a step when it undoes that step. */
const UNDO_SUFFIX = ":compensate";

/**
 * What a service has done, one line of JSON for each idempotency key: it stands for the table with a unique key that
 * a real service would have in its database. An entry is on disk before its promise resolves.
 */
export class Ledger implements AsyncDisposable {
  private readonly entries = new Map<string, Promise<Entry>>();
  /** Lines that will be written together, with one sync. */
  private batch: { readonly lines: string[]; readonly written: Promise<void> } | undefined;
  private lastWrite = Promise.resolve();

  /** Use {@link Ledger.open}. */
  constructor(
    private readonly file: FileHandle,
    present: readonly Entry[],
  ) {
    for (const entry of present) this.entries.set(entry.key, Promise.resolve(entry));
  }

  static async open(path: string): Promise<Ledger> {
    await mkdir(dirname(path), { recursive: true });
    const text = await readFile(path, "utf8").catch(() => "");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1); // a torn last line was never acknowledged
    const file = await open(path, "a");
    await file.truncate(Buffer.byteLength(whole));
    const entries = whole.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Entry]));
    return new Ledger(file, entries);
  }

  /**
   * Does an effect unless it was done before under the same key.
   *
   * @throws Error when the effect was undone before it was done: a late attempt of a step that was given up.
   */
  async do(key: string, effect: Effect): Promise<void> {
    const entry = await this.putOnce({ key, ...effect });
    if (entry.kind === "void") throw new Error(`${key} was given up before it arrived`);
  }

  /**
   * Undoes what was done under the key that `undoKey` belongs to, once; when nothing was, it sees to it that nothing
   * will be.
   *
   * @returns whether there was something to undo.
   */
  async undo(undoKey: string, effect: Effect): Promise<boolean> {
    const key = undoKey.endsWith(UNDO_SUFFIX) ? undoKey.slice(0, -UNDO_SUFFIX.length) : undoKey;
    const done = await this.putOnce({ key, kind: "void", orderId: effect.orderId });
    if (done.kind === "void") return false;
    await this.putOnce({ key: undoKey, ...effect });
    return true;
  }

  async close(): Promise<void> {
    await this.lastWrite;
    await this.file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The entry of the key: the present one, or `entry` once it is on disk. */
  private putOnce(entry: Entry): Promise<Entry> {
    const present = this.entries.get(entry.key);
    if (present !== undefined) return present;
    this.batch ??= this.nextBatch();
    this.batch.lines.push(`${JSON.stringify(entry)}\n`);
    const stored = this.batch.written.then(() => entry);
    this.entries.set(entry.key, stored);
    return stored;
  }

  private nextBatch() {
    const lines: string[] = [];
    const written = this.lastWrite.then(async () => {
      this.batch = undefined; // what comes now waits for the next write
      await this.file.appendFile(lines.join(""));
      await this.file.datasync();
    });
    this.lastWrite = written;
    return { lines, written };
  }
}
