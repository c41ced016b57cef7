import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory that goes away with its content when it is disposed of. */
export interface TempDirectory extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
  /** Removes the directory and everything in it. Idempotent. */
  remove(): Promise<void>;
}

/**
 * Creates an empty directory in the system's place for temporary files.
 *
 * @example await using directory = await tempDirectory();
 */
export async function tempDirectory(prefix = "ganglion-"): Promise<TempDirectory> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
