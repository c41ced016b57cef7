import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isGanglionError } from "@ganglion/kernel";
import { decodeToken } from "../../auth/jwt/token.js";
import { isNkey } from "../../auth/nkey.js";
import { brokerError } from "../../errors.js";

const EXTENSION = ".jwt";
const HASH_BYTES = 32;
/** A file that has not been put in its place. */
const UNFINISHED = /^A[A-Z2-7]{55}\.jwt\.[0-9a-f-]{36}\.tmp$/;

/** What a directory does with an account that is deleted. */
export type DeleteMode = "refuse" | "rename" | "remove";

/** How a {@link JwtDirectory} keeps tokens. */
export interface JwtDirectoryOptions {
  readonly directory: string;
  /** Most tokens. @default no limit */
  readonly limit?: number;
  /** A token more than `limit` takes the place of the one that was not used for longest. @default false: it is refused */
  readonly evicts?: boolean;
  /** @default "refuse" */
  readonly deleteMode?: DeleteMode;
}

/**
 * A directory of account JWTs: one file `<key>.jwt` each, as nats-server has them. A file is replaced as a whole, and
 * after a crash it is either the old or the new one.
 *
 * Source: nats-server dirstore.go.
 */
export class JwtDirectory {
  /** Hash of each token, the least recently used first. */
  private readonly hashes = new Map<string, Buffer>();
  /** Changes happen one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly options: JwtDirectoryOptions) {}

  /** Creates the directory if needed, and looks what is in it. */
  static async open(options: JwtDirectoryOptions): Promise<JwtDirectory> {
    const store = new JwtDirectory(options);
    await mkdir(options.directory, { recursive: true });
    for (const name of await readdir(options.directory)) {
      // A process that was killed while it wrote leaves it.
      if (UNFINISHED.test(name)) await rm(join(options.directory, name), { force: true });
    }
    await store.reload();
    return store;
  }

  /** Looks again what is in the directory. @returns the keys whose token is another one than before. */
  async reload(): Promise<readonly string[]> {
    const before = new Map(this.hashes);
    this.hashes.clear();
    for (const name of await readdir(this.options.directory)) {
      const key = name.endsWith(EXTENSION) ? name.slice(0, -EXTENSION.length) : "";
      const token = isNkey(key, "account") ? await this.read(key) : undefined;
      if (token !== undefined) this.hashes.set(key, hashOf(token));
    }
    return [...this.hashes]
      .filter(([key, hash]) => before.get(key)?.equals(hash) !== true)
      .map(([key]) => key);
  }

  /** The public keys of the accounts. */
  keys(): readonly string[] {
    return [...this.hashes.keys()];
  }

  /** Whether {@link JwtDirectory.delete} does something. */
  get canDelete(): boolean {
    return (this.options.deleteMode ?? "refuse") !== "refuse";
  }

  /** Every account with its token, those that are expired left out. */
  async *entries(nowMs = Date.now()): AsyncGenerator<readonly [string, string]> {
    for (const key of this.keys()) {
      const token = await this.read(key);
      const expiresAtS = token === undefined ? 0 : numberIn(token, "exp");
      if (token !== undefined && (expiresAtS === 0 || expiresAtS * 1000 >= nowMs)) yield [key, token];
    }
  }

  /** One hash for all tokens: two directories with the same hash hold the same. */
  hash(): Buffer {
    const sum = Buffer.alloc(HASH_BYTES);
    for (const hash of this.hashes.values()) {
      for (let i = 0; i < HASH_BYTES; i++) sum.writeUInt8(sum.readUInt8(i) ^ hash.readUInt8(i), i);
    }
    return sum;
  }

  /** @returns undefined when there is none for the key. */
  async load(key: string): Promise<string | undefined> {
    if (!isNkey(key, "account")) return undefined;
    const hash = this.hashes.get(key);
    if (hash !== undefined) this.touch(key, hash);
    return this.read(key);
  }

  /**
   * Keeps a token.
   *
   * @returns whether it is another one than before.
   * @throws GanglionError `ACCOUNT_UNRESOLVED` when the directory is full or cannot be written.
   */
  save(key: string, token: string): Promise<boolean> {
    return this.inTurn(async () => {
      if (!isNkey(key, "account")) throw refusal(`"${key}" is not the public key of an account`);
      const hash = hashOf(token);
      const isSame = this.hashes.get(key)?.equals(hash) === true;
      if (!isSame) {
        if (!this.hashes.has(key)) await this.makeRoom();
        await this.write(key, token);
      }
      this.touch(key, hash);
      return !isSame;
    });
  }

  /** Keeps a token unless there is one that was issued later. @returns whether it is another one than before. */
  async saveIfNewer(key: string, token: string): Promise<boolean> {
    const kept = await this.load(key);
    const isKeptNewer = kept !== undefined && numberIn(kept, "iat") > numberIn(token, "iat");
    return isKeptNewer ? false : this.save(key, token);
  }

  /** Removes a token. @returns whether there was one. */
  delete(key: string): Promise<boolean> {
    const { deleteMode = "refuse" } = this.options;
    return this.inTurn(async () => {
      if (deleteMode === "refuse") throw refusal("delete must be enabled in server config");
      if (!this.hashes.has(key)) return false;
      const path = this.path(key);
      if (deleteMode === "rename") await rename(path, `${path}.deleted`);
      else await rm(path, { force: true });
      this.hashes.delete(key);
      return true;
    });
  }

  private async makeRoom(): Promise<void> {
    const { limit = 0, evicts = false } = this.options;
    if (limit === 0 || this.hashes.size < limit) return;
    if (!evicts) throw refusal("jwt store is full");
    for (const oldest of this.hashes.keys()) {
      await rm(this.path(oldest), { force: true });
      this.hashes.delete(oldest);
      if (this.hashes.size < limit) return;
    }
  }

  private async write(key: string, token: string): Promise<void> {
    const temporary = `${this.path(key)}.${randomUUID()}.tmp`;
    const file = await open(temporary, "wx", 0o640);
    try {
      await file.writeFile(token);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.path(key));
    const directory = await open(this.options.directory, "r");
    await directory.sync().finally(() => directory.close());
  }

  private async read(key: string): Promise<string | undefined> {
    try {
      return await readFile(this.path(key), "utf8");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw brokerError("ACCOUNT_UNRESOLVED", `Cannot read ${this.path(key)}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  /** The key is checked before, so it cannot lead out of the directory. */
  private path(key: string): string {
    return join(this.options.directory, `${key}${EXTENSION}`);
  }

  private touch(key: string, hash: Buffer): void {
    this.hashes.delete(key);
    this.hashes.set(key, hash);
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.last.then(task);
    this.last = result.catch(() => {});
    return result;
  }
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** A number of a claim; 0 when the token cannot be read. */
function numberIn(token: string, name: "iat" | "exp"): number {
  try {
    return decodeToken(token).claim.integer(name);
  } catch (error) {
    if (isGanglionError(error, "INVALID_JWT")) return 0;
    throw error;
  }
}

function refusal(reason: string) {
  return brokerError("ACCOUNT_UNRESOLVED", reason);
}
