import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeError } from "../errors.js";

/** Longest path a unix socket can be bound to, on every system. Source: unix(7), `sun_path` (108 on Linux, 104 on macOS). */
const MAX_SOCKET_PATH_BYTES = 100;
const SUFFIX = ".sock";
/** A process that accepts a connection and does not answer within this time is taken to hold the lock. */
const ANSWER_TIMEOUT_MS = 1_000;
/** Wait before asking again a process that tries to get the lock at the same time. */
const ASK_AGAIN_MS = 5;

/** What a socket tells those who connect. */
const HELD = "h";
const TRYING = "t";

/** Where the sockets are bound. */
interface SocketPlace {
  /** Directory by its real name, to list. */
  readonly directory: string;
  /** The same directory by a name that may be shorter, to bind and connect. */
  readonly shortName: string;
  readonly prefix: string;
  release(): void;
}

/**
 * Takes the lock of a directory: a unix socket that listens in it. Unlike a pid file it cannot outlive its
 * process, in a container neither; the socket file a killed process leaves behind answers nobody.
 *
 * Everybody binds a socket of his own name first and looks for others then, so of two that try at once at
 * least one sees the other; the lower name goes first. A socket that answers nobody never will again, so the
 * holder can remove it safely.
 *
 * @returns a function that gives the lock back.
 * @throws GanglionError `STORE_LOCKED`.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  let lock: DirectoryLock | undefined;
  try {
    lock = await DirectoryLock.bind(socketPlace(realpathSync(directory)));
    if (await lock.acquire()) return lock.release.bind(lock);
  } catch (error) {
    await lock?.release();
    throw storeError("STORE_LOCKED", `Cannot lock the store directory ${directory}: ${String(error)}`, {
      details: { directory },
      cause: error,
    });
  }
  await lock.release();
  throw storeError(
    "STORE_LOCKED",
    `The store directory ${directory} is in use by another process: stop it first`,
    {
      details: { directory },
    },
  );
}

class DirectoryLock {
  private state: typeof HELD | typeof TRYING = TRYING;

  private constructor(
    private readonly place: SocketPlace,
    private readonly name: string,
    private readonly server: Server,
  ) {}

  static bind(place: SocketPlace): Promise<DirectoryLock> {
    const name = `${place.prefix}${randomBytes(6).toString("hex")}${SUFFIX}`;
    return new Promise((resolve, reject) => {
      const server = createServer();
      const lock = new DirectoryLock(place, name, server);
      server.on("connection", (socket) => {
        socket.on("error", () => {}); // who asked went away
        socket.end(lock.state);
      });
      server.once("error", reject);
      server.listen(join(place.shortName, name), () => {
        server.unref();
        resolve(lock);
      });
    });
  }

  /** @returns false when somebody else has the lock, or goes first. */
  async acquire(): Promise<boolean> {
    for (;;) {
      const dead: string[] = [];
      let isContested = false;
      for (const other of this.others()) {
        const answer = await ask(join(this.place.shortName, other));
        if (answer === undefined) dead.push(other);
        else if (answer === HELD || other < this.name) return false;
        else isContested = true;
      }
      if (!isContested) {
        this.state = HELD;
        for (const other of dead) rmSync(join(this.place.directory, other), { force: true });
        return true;
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => {
        this.place.release();
        resolve();
      });
    });
  }

  private others(): string[] {
    const { directory, prefix } = this.place;
    const isOther = (name: string) => name.startsWith(prefix) && name.endsWith(SUFFIX) && name !== this.name;
    return readdirSync(directory).filter(isOther);
  }
}

/** What the process behind a socket says; undefined when there is none. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let connected = false;
    let answer = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on("connect", () => {
      connected = true;
    });
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    socket.on("error", () => {}); // nobody there, or gone while answering: close follows
    socket.on("close", () => resolve(connected ? answer || HELD : undefined));
  });
}

function socketPlace(directory: string): SocketPlace {
  const prefix = "lock.";
  const path = join(directory, `${prefix}${"0".repeat(12)}${SUFFIX}`);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) {
    return { directory, shortName: directory, prefix, release: () => {} };
  }
  if (process.platform === "linux") {
    const descriptor = openSync(directory, "r");
    return {
      directory,
      shortName: `/proc/self/fd/${descriptor}`,
      prefix,
      release: () => closeSync(descriptor),
    };
  }
  const hash = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  return { directory: tmpdir(), shortName: tmpdir(), prefix: `ganglion-${hash}.`, release: () => {} };
}
