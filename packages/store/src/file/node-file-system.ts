import {
  close,
  closeSync,
  constants,
  fdatasync,
  ftruncate,
  open,
  openSync,
  readSync,
  statSync,
  writev,
  writevSync,
} from "node:fs";
import { mkdir, open as openHandle, readdir, rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { storeError } from "../errors.js";
import type { FileSystem, WritableFile } from "../file-system.js";
import { lockDirectory } from "./directory-lock.js";

/** Files kept open for reading; the least recently used one is closed first. */
const MAX_OPEN_FOR_READING = 128;

/** Writes up to this size block, larger ones do not. */
const MAX_BLOCKING_WRITE_BYTES = 128 * 1024;

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const truncateFile = promisify(ftruncate);

/** The file system of this machine. */
export class NodeFileSystem implements FileSystem {
  /** Descriptors by path, the most recently used last. */
  private readonly readers = new Map<string, number>();

  makeDirectory(path: string): Promise<string | undefined> {
    return mkdir(path, { recursive: true });
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      return await readdir(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async open(path: string): Promise<WritableFile> {
    return new NodeWritableFile(path, await openFile(path, constants.O_WRONLY | constants.O_CREAT, 0o640));
  }

  sizeOf(path: string): number {
    return statSync(path).size;
  }

  read(path: string, position: number, target: Uint8Array): number {
    const descriptor = this.reader(path);
    let done = 0;
    while (done < target.length) {
      const count = readSync(descriptor, target, done, target.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to);
    this.forget(from);
    this.forget(to);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
    this.forget(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const handle = await openHandle(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    const unlock = await lockDirectory(directory);
    return async () => {
      for (const path of [...this.readers.keys()]) this.forget(path);
      await unlock();
    };
  }

  private reader(path: string): number {
    const descriptor = this.readers.get(path) ?? openSync(path, "r");
    this.readers.delete(path);
    this.readers.set(path, descriptor);
    if (this.readers.size > MAX_OPEN_FOR_READING) {
      const [oldest] = this.readers.keys();
      if (oldest !== undefined) this.forget(oldest);
    }
    return descriptor;
  }

  /** Closes what is open for reading at `path` or below it. */
  private forget(path: string): void {
    for (const [open, descriptor] of this.readers) {
      if (open !== path && !open.startsWith(`${path}/`)) continue;
      this.readers.delete(open);
      closeSync(descriptor);
    }
  }
}

class NodeWritableFile implements WritableFile {
  constructor(
    private readonly path: string,
    private readonly descriptor: number,
  ) {}

  async write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks;
    let at = position;
    while (left.length > 0) {
      const written = await this.writeSome(at, left);
      if (written === 0) throw storeError("STORE_UNAVAILABLE", `The system wrote nothing to ${this.path}`);
      at += written;
      left = withoutFirst(left, written);
    }
  }

  sync(): Promise<void> {
    return syncFile(this.descriptor);
  }

  truncate(sizeBytes: number): Promise<void> {
    return truncateFile(this.descriptor, sizeBytes);
  }

  close(): Promise<void> {
    return closeFile(this.descriptor);
  }

  /** A small write is a copy into the system's memory: quicker done than handed to another thread. */
  private async writeSome(position: number, chunks: readonly Uint8Array[]): Promise<number> {
    let sizeBytes = 0;
    for (const chunk of chunks) sizeBytes += chunk.length;
    if (sizeBytes <= MAX_BLOCKING_WRITE_BYTES) return writevSync(this.descriptor, chunks, position);
    return new Promise((resolve, reject) => {
      writev(this.descriptor, chunks, position, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }
}

/** What is left of `chunks` when the first `sizeBytes` are taken away. */
function withoutFirst(chunks: readonly Uint8Array[], sizeBytes: number): readonly Uint8Array[] {
  let skip = sizeBytes;
  const left: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      left.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
