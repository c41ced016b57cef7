import { dirname, join } from "node:path";
import { storeError } from "../errors.js";
import type { FileSystem, WritableFile } from "../file-system.js";
import { type Random, seededRandom } from "./random.js";
import { type CrashKind, SimulatedFile } from "./simulated-file.js";

/** A call that changes something, or makes a change durable. */
export interface SimulatedOperation {
  readonly kind:
    | "create"
    | "write"
    | "truncate"
    | "sync"
    | "rename"
    | "remove"
    | "syncDirectory"
    | "makeDirectory";
  readonly path: string;
  /** Position among all operations of this file system, 1-based. */
  readonly number: number;
}

/** Decides over an operation before it takes place: an error makes it fail without effect. */
export type Intercept = (operation: SimulatedOperation) => Error | undefined;

type Entry = SimulatedFile | SimulatedDirectory;
type Entries = Map<string, Entry>;

class SimulatedDirectory {
  readonly entries: Entries = new Map();
  private durable: Entries = new Map();
  private changes: ((entries: Entries) => void)[] = [];

  change(change: (entries: Entries) => void): void {
    change(this.entries);
    this.changes.push(change);
  }

  sync(): void {
    this.durable = new Map(this.entries);
    this.changes = [];
  }

  afterCrash(kind: CrashKind, random: Random): SimulatedDirectory {
    const survivors = new Map(kind === "keep" ? this.entries : this.durable);
    if (kind === "prefix" || kind === "scatter") {
      for (const change of this.changes) if (random() < 0.5) change(survivors);
    }
    const directory = new SimulatedDirectory();
    for (const [name, entry] of survivors) directory.entries.set(name, entry.afterCrash(kind, random));
    directory.sync();
    return directory;
  }
}

/**
 * A file system in memory that forgets what was not synced: bytes of files, and names in directories. A crash
 * gives the file system that a new process would find.
 */
export class SimulatedFileSystem implements FileSystem {
  /** How many operations there were. */
  operations = 0;
  /** Asked before every operation. */
  intercept: Intercept = () => undefined;
  private root = new SimulatedDirectory();
  private readonly locked = new Set<string>();
  private isOff = false;

  /** Nothing works any more, as for a process that lost its power. */
  powerOff(): Error {
    this.isOff = true;
    return failure("the power is off");
  }

  /** What a new process finds after a crash at this moment. */
  afterCrash(kind: CrashKind, seed: number): SimulatedFileSystem {
    const survivor = new SimulatedFileSystem();
    survivor.root = this.root.afterCrash(kind, seededRandom(seed));
    return survivor;
  }

  /** Paths and sizes of all files. */
  files(): { readonly path: string; readonly sizeBytes: number }[] {
    const found: { path: string; sizeBytes: number }[] = [];
    const visit = (directory: SimulatedDirectory, path: string) => {
      for (const [name, entry] of directory.entries) {
        if (entry instanceof SimulatedDirectory) visit(entry, join(path, name));
        else found.push({ path: join(path, name), sizeBytes: entry.sizeBytes });
      }
    };
    visit(this.root, "/");
    return found;
  }

  /** Damages a file. */
  flip(path: string, offset: number, bit: number): void {
    this.file(path).flip(offset, bit);
  }

  async makeDirectory(path: string): Promise<string | undefined> {
    await this.operation("makeDirectory", path);
    let directory = this.root;
    let at = "/";
    let topmost: string | undefined;
    for (const name of names(path)) {
      at = join(at, name);
      let entry = directory.entries.get(name);
      if (entry === undefined) {
        const created = new SimulatedDirectory();
        directory.change((entries) => entries.set(name, created));
        entry = created;
        topmost ??= at;
      }
      if (!(entry instanceof SimulatedDirectory)) throw failure(`${path}: not a directory`);
      directory = entry;
    }
    return topmost;
  }

  async list(path: string): Promise<readonly string[]> {
    this.assertOn();
    const entry = this.find(path);
    return entry instanceof SimulatedDirectory ? [...entry.entries.keys()] : [];
  }

  async open(path: string): Promise<WritableFile> {
    let file = this.find(path);
    if (file === undefined) {
      await this.operation("create", path);
      const created = new SimulatedFile();
      file = created;
      this.directory(dirname(path)).change((entries) => entries.set(name(path), created));
    }
    if (file instanceof SimulatedDirectory) throw failure(`${path}: is a directory`);
    return this.handle(path, file);
  }

  sizeOf(path: string): number {
    return this.file(path).sizeBytes;
  }

  read(path: string, position: number, target: Uint8Array): number {
    return this.file(path).read(position, target);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.operation("rename", to);
    const moved = this.find(from);
    if (moved === undefined || dirname(from) !== dirname(to)) throw failure(`cannot rename ${from} to ${to}`);
    this.directory(dirname(from)).change((entries) => {
      entries.delete(name(from));
      entries.set(name(to), moved);
    });
  }

  async remove(path: string): Promise<void> {
    if (this.find(path) === undefined) return;
    await this.operation("remove", path);
    this.directory(dirname(path)).change((entries) => void entries.delete(name(path)));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.operation("syncDirectory", path);
    this.directory(path).sync();
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    if (this.locked.has(directory))
      throw storeError("STORE_LOCKED", `${directory} is in use`, { details: { directory } });
    this.locked.add(directory);
    return async () => void this.locked.delete(directory);
  }

  private handle(path: string, file: SimulatedFile): WritableFile {
    return {
      write: async (position, chunks) => {
        await this.operation("write", path);
        file.write(position, chunks);
      },
      truncate: async (sizeBytes) => {
        await this.operation("truncate", path);
        file.truncate(sizeBytes);
      },
      sync: async () => {
        await this.operation("sync", path);
        const end = file.beginSync();
        await new Promise((resolve) => setImmediate(resolve)); // others go on meanwhile
        this.assertOn();
        end();
      },
      close: async () => {},
    };
  }

  private async operation(kind: SimulatedOperation["kind"], path: string): Promise<void> {
    this.assertOn();
    const refusal = this.intercept({ kind, path, number: ++this.operations });
    if (refusal !== undefined) throw refusal;
  }

  private assertOn(): void {
    if (this.isOff) throw failure("the power is off");
  }

  private find(path: string): Entry | undefined {
    let entry: Entry | undefined = this.root;
    for (const name of names(path)) {
      entry = entry instanceof SimulatedDirectory ? entry.entries.get(name) : undefined;
    }
    return entry;
  }

  private file(path: string): SimulatedFile {
    this.assertOn();
    const entry = this.find(path);
    if (entry instanceof SimulatedFile) return entry;
    throw failure(`${path}: no such file`);
  }

  private directory(path: string): SimulatedDirectory {
    const entry = this.find(path);
    if (entry instanceof SimulatedDirectory) return entry;
    throw failure(`${path}: no such directory`);
  }
}

function names(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function name(path: string): string {
  return names(path).at(-1) ?? "";
}

function failure(what: string): Error {
  return storeError("STORE_UNAVAILABLE", `Simulated file system: ${what}`);
}
