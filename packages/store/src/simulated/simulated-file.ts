import { below, type Random } from "./random.js";

const SECTOR_BYTES = 512;

type Change =
  | { readonly kind: "write"; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

/** How much of what was not synced a crash leaves on the disk. */
export type CrashKind = "lose" | "keep" | "prefix" | "scatter";

/** Content of a file: what a reader sees, and what is on the disk for sure. */
export class SimulatedFile {
  private durable: Buffer = Buffer.alloc(0);
  private content: Buffer = Buffer.alloc(0);
  private changes: Change[] = [];

  get sizeBytes(): number {
    return this.content.length;
  }

  read(position: number, target: Uint8Array): number {
    const bytes = this.content.subarray(position, position + target.length);
    target.set(bytes);
    return bytes.length;
  }

  write(position: number, chunks: readonly Uint8Array[]): void {
    this.apply({ kind: "write", position, bytes: Buffer.concat(chunks) });
  }

  truncate(sizeBytes: number): void {
    this.apply({ kind: "truncate", sizeBytes });
  }

  sync(): void {
    this.beginSync()();
  }

  /** @returns what ends the sync: then everything is on the disk that was written before it began. */
  beginSync(): () => void {
    const { content, changes } = this;
    return () => {
      this.durable = content;
      this.changes = this.changes.filter((change) => !changes.includes(change));
    };
  }

  /** Turns one bit over, on the disk and for every reader. */
  flip(offset: number, bit: number): void {
    this.content = flipped(this.content, offset, bit);
    this.durable = flipped(this.durable, offset, bit);
  }

  /**
   * The file as it is found after the power came back: `lose` drops everything not synced, `keep` nothing (only
   * the process died), `prefix` keeps some first writes and tears the next, `scatter` keeps any sectors.
   */
  afterCrash(kind: CrashKind, random: Random): SimulatedFile {
    const file = new SimulatedFile();
    file.content = kind === "keep" ? this.content : this.durable;
    if (kind === "prefix") this.keepPrefix(file, random);
    else if (kind === "scatter") this.keepSectors(file, random);
    file.sync();
    return file;
  }

  private apply(change: Change): void {
    this.content = changed(this.content, change);
    this.changes = [...this.changes, change];
  }

  private keepPrefix(file: SimulatedFile, random: Random): void {
    const kept = below(random, this.changes.length + 1);
    for (const change of this.changes.slice(0, kept)) file.apply(change);
    const torn = this.changes[kept];
    if (torn?.kind !== "write") return;
    file.write(torn.position, [torn.bytes.subarray(0, below(random, torn.bytes.length))]);
  }

  private keepSectors(file: SimulatedFile, random: Random): void {
    for (const change of this.changes) {
      if (change.kind === "truncate") {
        if (random() < 0.5) file.apply(change);
        continue;
      }
      const { position, bytes } = change;
      for (let start = 0; start < bytes.length; ) {
        const end = Math.min(bytes.length, start + SECTOR_BYTES - ((position + start) % SECTOR_BYTES));
        if (random() < 0.5) file.write(position + start, [bytes.subarray(start, end)]);
        start = end;
      }
    }
  }
}

function changed(content: Buffer, change: Change): Buffer {
  const sizeBytes =
    change.kind === "truncate"
      ? change.sizeBytes
      : Math.max(content.length, change.position + change.bytes.length);
  const result = Buffer.alloc(sizeBytes);
  content.copy(result);
  if (change.kind === "write") change.bytes.copy(result, change.position);
  return result;
}

function flipped(content: Buffer, offset: number, bit: number): Buffer {
  const result = Buffer.from(content);
  const byte = result[offset];
  if (byte !== undefined) result[offset] = byte ^ (1 << bit);
  return result;
}
