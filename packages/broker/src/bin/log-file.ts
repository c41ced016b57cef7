import { closeSync, fstatSync, openSync, readdirSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** When a log file is replaced by a new one. */
export interface Rotation {
  /** Bytes after which it is; 0: never. */
  readonly sizeLimitBytes: number;
  /** Files that are kept, with the one that is written; 0: all. */
  readonly maxFiles: number;
}

/** Makes the first line of the new file. @param backup - path the old one has now. */
export type FirstLine = (backup: string) => string;

/** The end of a backup's name: year to nanosecond, so that names sort by age. */
const STAMP = /^\.\d{4}(?:\.\d\d){5}\.\d{9}$/;

/** A file to which log lines are appended. Source: nats-server logger/log.go `fileLogger`. */
export class LogFile {
  private descriptor: number;
  private sizeBytes: number;
  private limitBytes: number;

  constructor(
    readonly path: string,
    private readonly rotation: Rotation,
    private readonly firstLine: FirstLine,
  ) {
    this.descriptor = openSync(path, "a");
    this.sizeBytes = fstatSync(this.descriptor).size;
    this.limitBytes = rotation.sizeLimitBytes;
  }

  append(line: string): void {
    this.sizeBytes += writeAll(this.descriptor, line);
    if (this.limitBytes > 0 && this.sizeBytes > this.limitBytes) this.rotate();
  }

  /** Opens the file anew, after somebody has moved it. */
  reopen(): void {
    const next = openSync(this.path, "a");
    closeSync(this.descriptor);
    this.descriptor = next;
    this.sizeBytes = fstatSync(next).size;
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private rotate(): void {
    const backup = `${this.path}.${stampOf(performance.timeOrigin + performance.now())}`;
    try {
      renameSync(this.path, backup);
      this.reopen();
      this.removeOld();
    } catch {
      // A full or read-only directory must not end the broker: the file grows on, and it is tried again later.
      this.limitBytes *= 2;
      return;
    }
    this.limitBytes = this.rotation.sizeLimitBytes;
    this.sizeBytes += writeAll(this.descriptor, this.firstLine(backup));
  }

  private removeOld(): void {
    const { maxFiles } = this.rotation;
    if (maxFiles === 0) return;
    const name = basename(this.path);
    const backups = readdirSync(dirname(this.path))
      .filter((entry) => entry.startsWith(name) && STAMP.test(entry.slice(name.length)))
      .sort();
    const excess = backups.length - (maxFiles - 1);
    for (const old of backups.slice(0, Math.max(0, excess))) rmSync(join(dirname(this.path), old));
  }
}

/** Local time with as much of the nanoseconds as the clock knows. */
function stampOf(nowMs: number): string {
  const date = new Date(nowMs);
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const day = `${date.getFullYear()}.${pad(date.getMonth() + 1)}.${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}.${pad(date.getMinutes())}.${pad(date.getSeconds())}`;
  return `${day}.${time}.${pad(Math.floor((nowMs % 1_000) * 1e6), 9)}`;
}

/** Writes everything, also to a pipe whose reader is slow. @returns the bytes that were written. */
export function writeAll(descriptor: number, text: string): number {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A log nobody reads any more must not end the broker.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return at;
    }
  }
  return at;
}
