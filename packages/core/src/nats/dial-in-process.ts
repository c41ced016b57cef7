import type { Duplex } from "node:stream";
import { coreError } from "../errors.js";
import type { Dial, SessionSocket } from "./socket.js";

/**
 * Joins a server in this process, whatever its address.
 *
 * @param open - opens a stream; undefined when the server cannot.
 */
export function dialInProcess(open: () => Duplex | undefined): Dial {
  return async () => {
    const stream = open();
    if (stream === undefined)
      throw coreError("CONNECTION_FAILED", "The server cannot be joined in this process");
    // A stream keeps no process alive: there is nothing to hold or to let go.
    const socket: unknown = Object.assign(stream, { ref: () => stream, unref: () => stream });
    return socket as SessionSocket; // a session uses nothing else of a socket
  };
}
