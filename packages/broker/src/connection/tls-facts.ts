import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** What monitoring tells about the encryption of a connection. */
export interface TlsFacts {
  /** As in `1.3`. */
  readonly version: string;
  /** Name of the IANA registry. */
  readonly cipher: string;
}

/** The facts about an encrypted transport; undefined when it is not encrypted, or not any more. */
export function tlsFacts(transport: Duplex): TlsFacts | undefined {
  if (!isTls(transport)) return undefined;
  const version = transport.getProtocol();
  if (version === null) return undefined;
  return { version: version.replace(/^TLSv/, ""), cipher: transport.getCipher().standardName };
}

/** Asks the object, since importing node:tls costs a broker without TLS a part of its start. */
export function isTls(transport: Duplex): transport is TLSSocket {
  return "encrypted" in transport && transport.encrypted === true;
}
