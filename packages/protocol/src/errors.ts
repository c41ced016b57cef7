import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Codes of errors `@ganglion/protocol` throws. Faults of a peer are no errors; see {@link ProtocolFault}. */
export type ProtocolErrorCode =
  | "INVALID_SUBJECT"
  | "INVALID_HEADER"
  | "MALFORMED_HEADERS"
  | "MALFORMED_INFO"
  | "MALFORMED_CONNECT";

/** Creates an error of this package. */
export function protocolError(
  code: ProtocolErrorCode,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<ProtocolErrorCode> {
  return new GanglionError(code, message, options);
}
