import type { Server } from "node:net";
import type { Logger } from "@ganglion/kernel";
import { brokerError } from "../errors.js";
import { listenWhere } from "./wildcard-host.js";

/** Where a listener accepts connections. */
export interface ListenAddress {
  readonly host: string;
  /** 0 or -1 takes a free port. */
  readonly port: number;
}

/** How a server listens. */
export interface Listening {
  readonly address: ListenAddress;
  /** For messages, such as "client connections". */
  readonly purpose: string;
  readonly logger: Logger;
}

/** Connections the system holds until they are accepted: many clients reconnect at the same moment. */
const BACKLOG = 4_096;

/**
 * Starts a server. What goes wrong later, such as too many open files, is logged: those who are connected stay.
 *
 * @returns where it listens.
 * @throws GanglionError `LISTEN_FAILED`, retryable when the address is in use.
 */
export function listen(server: Server, { address, purpose, logger }: Listening): Promise<ListenAddress> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const message = `Cannot listen for ${purpose} on ${host}:${port}: ${cause.message}`;
      const retryable = cause.code === "EADDRINUSE";
      reject(brokerError("LISTEN_FAILED", message, { cause, retryable, details: { host, port } }));
    };
    server.once("error", fail);
    server.listen({ ...listenWhere(host, port), backlog: BACKLOG }, () => {
      server.off("error", fail);
      server.on("error", (error) => logger.error(`the listener for ${purpose} failed`, { error }));
      const bound = server.address();
      resolve({ host, port: typeof bound === "object" && bound !== null ? bound.port : port });
    });
  });
}
