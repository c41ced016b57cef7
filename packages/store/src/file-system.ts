/** A file open for writing. All calls reject with the system's error. */
export interface WritableFile {
  /** Writes all chunks, one after the other, from `position` on. */
  write(position: number, chunks: readonly Uint8Array[]): Promise<void>;
  /** Resolves when the content and the size of the file are on the disk (fdatasync). */
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Everything the file engine asks of a file system, so that tests can lose, tear, flip and refuse writes.
 *
 * A file's content is safe after {@link WritableFile.sync}; that a name exists, is gone or means another
 * file is safe only after {@link FileSystem.syncDirectory} of its directory.
 */
export interface FileSystem {
  /**
   * Creates a directory and its parents; succeeds when it exists.
   *
   * @returns the topmost directory it had to create; undefined when there was nothing to do.
   */
  makeDirectory(path: string): Promise<string | undefined>;
  /** Names in a directory, in no particular order; none when the directory does not exist. */
  list(path: string): Promise<readonly string[]>;
  /** Opens a file for writing, created empty when it does not exist. */
  open(path: string): Promise<WritableFile>;
  /** Size of a file. @throws the system's error when there is none. */
  sizeOf(path: string): number;
  /** Fills `target` from `position` on. Blocks. @returns how many bytes there were. */
  read(path: string, position: number, target: Uint8Array): number;
  /** Gives a file or directory another name in one step; an existing file of that name is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file, or a directory with all it holds; succeeds when there is none. */
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /**
   * Keeps every other process out of a directory until the returned function is called or this process ends.
   *
   * @throws GanglionError `STORE_LOCKED`.
   */
  lock(directory: string): Promise<() => Promise<void>>;
}
