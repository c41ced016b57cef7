import { readFileSync } from "node:fs";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { coreError } from "../errors.js";
import type { TlsOptions } from "./nats-options.js";
import type { ServerAddress } from "./server-address.js";

/** What a session needs of a connected stream; sockets are one. */
export type SessionSocket = Pick<
  Socket,
  "write" | "end" | "destroy" | "on" | "once" | "off" | "removeAllListeners" | "ref" | "unref" | "destroyed"
>;

/** Opens the stream to a server. The default uses TCP; another may join a broker in this process. */
export type Dial = (address: ServerAddress, signal: AbortSignal) => Promise<SessionSocket>;

/** Connects over TCP. */
export const dialTcp: Dial = (address, signal) =>
  new Promise((resolve, reject) => {
    const socket = connectTcp({ host: address.host, port: address.port, noDelay: true, keepAlive: true });
    settle(socket, "connect", { signal, resolve: () => resolve(socket), reject });
  });

/** Encrypts a connected stream. */
export function encrypt(
  socket: SessionSocket,
  { address, tls, signal }: { address: ServerAddress; tls: TlsOptions | undefined; signal: AbortSignal },
): Promise<SessionSocket> {
  return new Promise((resolve, reject) => {
    const { caFile, certFile, keyFile, handshakeFirst: _, ...options } = tls ?? {};
    const encrypted = connectTls({
      ...(isIP(address.host) === 0 && { servername: address.host }),
      host: address.host,
      ...options,
      ...(caFile !== undefined && { ca: readFileSync(caFile) }),
      ...(certFile !== undefined && { cert: readFileSync(certFile) }),
      ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
      socket: socket as Socket, // only encrypted when it is one; see Dial
    });
    settle(encrypted, "secureConnect", { signal, resolve: () => resolve(encrypted), reject });
  });
}

interface Settle {
  readonly signal: AbortSignal;
  resolve(): void;
  reject(error: unknown): void;
}

function settle(
  socket: Socket,
  event: "connect" | "secureConnect",
  { signal, resolve, reject }: Settle,
): void {
  const finish = (error: unknown) => {
    socket.removeAllListeners();
    signal.removeEventListener("abort", onAbort);
    if (error === undefined) return resolve();
    socket.on("error", () => {}); // what a socket that was given up says does not matter
    socket.destroy();
    reject(error);
  };
  const onAbort = () => finish(signal.reason);
  signal.addEventListener("abort", onAbort);
  socket.once(event, () => finish(undefined));
  socket.once("error", finish);
  socket.once("close", () =>
    finish(coreError("CONNECTION_FAILED", "The server closed during the handshake")),
  );
}
