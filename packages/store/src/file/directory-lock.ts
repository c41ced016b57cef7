import { createHash } from "node:crypto";
import { closeSync, openSync, realpathSync, renameSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeError } from "../errors.js";

const SOCKET_NAME = "lock.sock";
/** Longest path a unix socket can be bound to, on every system. Source: unix(7), `sun_path` (108 on Linux, 104 on macOS). */
const MAX_SOCKET_PATH_BYTES = 100;
/** Tries to take a lock that changes hands at the same moment. */
const MAX_ATTEMPTS = 5;

/** Where the socket is bound, which may be a detour, and what holds the detour open. */
interface SocketPlace {
  readonly path: string;
  release(): void;
}

/**
 * Takes the lock of a directory: a unix socket that listens in it. Unlike a pid file it cannot outlive its
 * process, in a container neither; the socket file a killed process leaves behind answers nobody.
 *
 * @returns a function that gives the lock back.
 * @throws GanglionError `STORE_LOCKED`.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const place = socketPlace(realpathSync(directory));
  try {
    const server = await acquire(place.path, directory);
    return () =>
      new Promise((resolve) => {
        server.close(() => {
          place.release();
          resolve();
        });
      });
  } catch (error) {
    place.release();
    throw error;
  }
}

async function acquire(path: string, directory: string): Promise<Server> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const server = await listen(path);
    if (server !== undefined) return server;
    const staleInode = inodeOf(path);
    if (await answers(path)) break;
    if (staleInode !== undefined) moveAside(path, staleInode);
  }
  throw storeError(
    "STORE_LOCKED",
    `The store directory ${directory} is in use by another process: stop it first`,
    {
      details: { directory },
    },
  );
}

/** @returns undefined when the path is taken. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else
        reject(storeError("STORE_LOCKED", `Cannot lock the store directory with ${path}`, { cause: error }));
    });
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Removes a dead socket, and only that one: another process may have taken the lock in between. */
function moveAside(path: string, staleInode: number): void {
  const aside = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  try {
    renameSync(path, aside);
    if (inodeOf(aside) === staleInode) unlinkSync(aside);
    else renameSync(aside, path);
  } catch {
    // Somebody else moved it first; the next attempt finds out who holds the lock.
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function socketPlace(directory: string): SocketPlace {
  const path = join(directory, SOCKET_NAME);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path, release: () => {} };
  if (process.platform === "linux") {
    // The same socket file by a short name.
    const descriptor = openSync(directory, "r");
    return { path: `/proc/self/fd/${descriptor}/${SOCKET_NAME}`, release: () => closeSync(descriptor) };
  }
  const hash = createHash("sha256").update(directory).digest("hex").slice(0, 32);
  return { path: join(tmpdir(), `ganglion-${hash}.sock`), release: () => {} };
}
