import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Codes of errors `@ganglion/protocol` throws. Faults of a peer are no errors; see {@link ProtocolFault}. */
export type ProtocolErrorCode =
  /** A subject or filter breaks the subject grammar. */
  | "INVALID_SUBJECT"
  /** A header name or value holds characters the wire format does not allow. */
  | "INVALID_HEADER"
  /** A received header block is not in the wire format. */
  | "MALFORMED_HEADERS"
  /** INFO of a server is no JSON object. */
  | "MALFORMED_INFO"
  /** CONNECT of a client is no JSON object, or holds options of the wrong type. */
  | "MALFORMED_CONNECT";

/** Creates an error of this package. */
export function protocolError(
  code: ProtocolErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<ProtocolErrorCode> {
  return new GanglionError(code, message, options);
}
