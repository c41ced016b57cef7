import { createHash, type X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket, type TlsOptions } from "node:tls";
import type { Clock } from "@ganglion/kernel";
import { brokerError } from "../errors.js";

/** The first byte of a TLS client: the record type of a handshake. Source: RFC 8446, 5.1. */
const TLS_HANDSHAKE = 0x16;

/** What the first byte of a client says it wants. */
export type FirstBytes = "tls" | "plain" | "silent" | "closed";

/** Waits for the first bytes of a client and leaves them where they are. */
export async function firstBytes(socket: Socket, clock: Clock, waitMs: number): Promise<FirstBytes> {
  const waiting = new AbortController();
  let outcome: FirstBytes = "closed";
  const timer = clock.schedule(waitMs, () => {
    outcome = "silent";
    waiting.abort();
  });
  const onClose = () => waiting.abort();
  socket.once("close", onClose);
  try {
    if (socket.readableLength === 0) await once(socket, "readable", { signal: waiting.signal });
  } catch {
    return outcome;
  } finally {
    timer.cancel();
    socket.off("close", onClose);
  }
  const chunk: Buffer | null = socket.read();
  if (chunk === null) return "closed";
  socket.unshift(chunk);
  return chunk[0] === TLS_HANDSHAKE ? "tls" : "plain";
}

/** How a handshake is done. */
export interface HandshakeSettings {
  readonly options: TlsOptions;
  readonly context: SecureContext;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** SHA-256 of the public keys that are accepted; absent: any. */
  readonly pinnedCerts?: readonly string[];
}

/** What OpenSSL found wrong with the certificate of the peer. TLSSocket tells it to clients only. */
interface Verified {
  readonly ssl: { verifyError(): Error | null | undefined };
}

/**
 * Does the server's part of a TLS handshake on a connection that is open already.
 *
 * @throws Error that says why it failed; the socket is then destroyed.
 */
export async function handshake(socket: Socket, settings: HandshakeSettings): Promise<TLSSocket> {
  const { options, context, timeoutMs, clock, pinnedCerts } = settings;
  const secure = new TLSSocket(socket, { ...options, isServer: true, secureContext: context });
  const late = clock.schedule(timeoutMs, () => secure.destroy(new Error("TLS handshake timeout")));
  const onClose = () => secure.destroy(new Error("the client has closed the connection"));
  socket.once("close", onClose);
  try {
    await secured(secure);
    const fault = options.requestCert ? (secure as unknown as Verified).ssl.verifyError() : undefined;
    if (fault) throw fault;
    if (pinnedCerts && !isPinned(secure.getPeerX509Certificate(), pinnedCerts)) {
      throw brokerError("TLS_HANDSHAKE_FAILED", "certificate not pinned");
    }
    return secure;
  } catch (error) {
    secure.on("error", () => {}); // it was told already
    secure.destroy();
    throw error;
  } finally {
    late.cancel();
    socket.off("close", onClose);
  }
}

/** A socket that the client has closed may end without an error. */
function secured(secure: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    secure.once("secure", resolve);
    secure.once("error", reject);
    secure.once("close", () =>
      reject(brokerError("TLS_HANDSHAKE_FAILED", "the client has closed the connection")),
    );
  });
}

function isPinned(certificate: X509Certificate | undefined, pinned: readonly string[]): boolean {
  if (certificate === undefined) return false;
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  return pinned.includes(createHash("sha256").update(key).digest("hex"));
}
