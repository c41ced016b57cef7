import { dirname, join } from "node:path";
import { storeError } from "../errors.js";
import type { FileSystem, WritableFile } from "../file-system.js";

/**
 * A file system over another one that keeps all changes in memory, so that a store can be recovered for looking at
 * it without anything happening to its files.
 */
export class OverlayFileSystem implements FileSystem {
  /** Content of files that were changed; undefined: the file is gone. */
  private readonly changed = new Map<string, Buffer | undefined>();

  constructor(private readonly below: FileSystem) {}

  async makeDirectory(): Promise<undefined> {
    return undefined;
  }

  async list(path: string): Promise<readonly string[]> {
    const names = new Set(await this.below.list(path));
    for (const [changed, content] of this.changed) {
      const name = changed.slice(path.length + 1);
      if (dirname(changed) !== path) continue;
      if (content === undefined) names.delete(name);
      else names.add(name);
    }
    return [...names];
  }

  async open(path: string): Promise<WritableFile> {
    return {
      write: async (position, chunks) => {
        const bytes = Buffer.concat(chunks);
        const content = this.contentOf(path);
        const grown = Buffer.alloc(Math.max(content.length, position + bytes.length));
        content.copy(grown);
        bytes.copy(grown, position);
        this.changed.set(path, grown);
      },
      truncate: async (sizeBytes) => {
        if (this.isThere(path) && this.sizeOf(path) === sizeBytes) return;
        const resized = Buffer.alloc(sizeBytes);
        this.contentOf(path).copy(resized);
        this.changed.set(path, resized);
      },
      sync: async () => {},
      close: async () => {},
    };
  }

  sizeOf(path: string): number {
    if (!this.changed.has(path)) return this.below.sizeOf(path);
    return this.changedContent(path).length;
  }

  read(path: string, position: number, target: Uint8Array): number {
    if (!this.changed.has(path)) return this.below.read(path, position, target);
    const bytes = this.changedContent(path).subarray(position, position + target.length);
    target.set(bytes);
    return bytes.length;
  }

  async rename(from: string, to: string): Promise<void> {
    this.changed.set(to, this.contentOf(from));
    this.changed.set(from, undefined);
  }

  async remove(path: string): Promise<void> {
    this.changed.set(path, undefined);
    for (const name of await this.below.list(path)) await this.remove(join(path, name));
  }

  async syncDirectory(): Promise<void> {}

  lock(directory: string): Promise<() => Promise<void>> {
    return this.below.lock(directory);
  }

  private isThere(path: string): boolean {
    if (this.changed.has(path)) return this.changed.get(path) !== undefined;
    try {
      this.below.sizeOf(path);
      return true;
    } catch {
      return false;
    }
  }

  private contentOf(path: string): Buffer {
    if (!this.isThere(path)) return Buffer.alloc(0);
    const content = Buffer.alloc(this.sizeOf(path));
    this.read(path, 0, content);
    return content;
  }

  private changedContent(path: string): Buffer {
    const content = this.changed.get(path);
    if (content === undefined) throw storeError("STORE_UNAVAILABLE", `${path}: no such file`);
    return content;
  }
}
