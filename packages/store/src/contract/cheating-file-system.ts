import type { FileSystem, WritableFile } from "../file-system.js";

/** What a {@link cheatingFileSystem} does wrong. Each is given the path. */
export interface Cheats {
  /** The sync of this file is skipped. */
  skipSync?(path: string): boolean;
  /** The sync of this file is reported as done before it is. */
  earlySync?(path: string): boolean;
  /** The sync of this directory is skipped. */
  skipDirectorySync?(path: string): boolean;
}

/** A file system that does not keep what it promises, to prove that tests notice. */
export function cheatingFileSystem(fileSystem: FileSystem, cheats: Cheats): FileSystem {
  return {
    makeDirectory: (path) => fileSystem.makeDirectory(path),
    list: (path) => fileSystem.list(path),
    open: async (path) => cheatingFile(await fileSystem.open(path), path, cheats),
    sizeOf: (path) => fileSystem.sizeOf(path),
    read: (path, position, target) => fileSystem.read(path, position, target),
    rename: (from, to) => fileSystem.rename(from, to),
    remove: (path) => fileSystem.remove(path),
    syncDirectory: async (path) => {
      if (cheats.skipDirectorySync?.(path) !== true) await fileSystem.syncDirectory(path);
    },
    lock: (directory) => fileSystem.lock(directory),
  };
}

function cheatingFile(file: WritableFile, path: string, cheats: Cheats): WritableFile {
  return {
    write: (position, chunks) => file.write(position, chunks),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    close: () => file.close(),
    sync: async () => {
      if (cheats.skipSync?.(path) === true) return;
      const done = file.sync();
      if (cheats.earlySync?.(path) === true) void done.catch(() => {});
      else await done;
    },
  };
}
