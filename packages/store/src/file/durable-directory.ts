import { dirname } from "node:path";
import type { FileSystem } from "../file-system.js";

/** Creates a directory and its parents. Resolves when a crash cannot take any of them away. */
export async function makeDurableDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  const topmost = await fileSystem.makeDirectory(path);
  if (topmost === undefined) return;
  for (let at = path; at.length >= topmost.length && at !== dirname(at); at = dirname(at)) {
    await fileSystem.syncDirectory(dirname(at));
  }
}
