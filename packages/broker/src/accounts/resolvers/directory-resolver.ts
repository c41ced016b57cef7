import type { AccountResolver } from "./account-resolver.js";
import type { JwtDirectory } from "./jwt-directory.js";

/** Keeps the JWTs of accounts in a directory. Requests to the system account change what is in it. */
export class DirectoryResolver implements AccountResolver {
  readonly isWritable = true;

  /** @param isCache - it keeps only what is in use. */
  constructor(
    readonly directory: JwtDirectory,
    readonly isCache = false,
  ) {}

  fetch(key: string): Promise<string | undefined> {
    return this.directory.load(key);
  }

  async store(key: string, token: string): Promise<void> {
    await this.directory.saveIfNewer(key, token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Every change is on the disk already.
  }
}
