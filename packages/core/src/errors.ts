import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/**
 * Every code `@ganglion/core` throws, with what it means. Codes are never reused.
 */
export const CORE_ERRORS = {
  // connection and messages
  CONNECTION_FAILED: "No server could be reached, or it refused the connection.",
  CONNECTION_CLOSED: "The connection was closed before the operation finished.",
  PERMISSION_DENIED: "The server does not let this user publish or subscribe there.",
  NO_RESPONDERS: "Nobody listens on the subject of a request.",
  TIMEOUT: "No answer arrived before the deadline. The request may still have had its effect.",
  PAYLOAD_TOO_LARGE: "Headers and payload exceed the server's max_payload.",
  INVALID_HEADER: "A header name or value holds characters the wire format does not allow.",
  INVALID_SUBJECT: "A subject breaks the subject grammar.",
  // JetStream
  JETSTREAM_UNAVAILABLE: "The server or the account has no JetStream.",
  JETSTREAM_ERROR: "JetStream refused a request; `details.errorCode` is its error code.",
  NO_STREAM: "The stream does not exist, or no stream listens on the subject of an append.",
  NO_CONSUMER: "The consumer does not exist.",
  STREAM_MISMATCH: "An append reached another stream than the expected one.",
  WRONG_LAST_SEQUENCE:
    "A compare-and-set append lost; `details.actualSequence` is the last sequence when the server told it.",
  UNKNOWN_OUTCOME: "An append was not answered in time: it may or may not be stored.",
  CONSUMER_LOST: "A consumer disappeared and could not be rebuilt.",
  READ_GAP: "An ordered read cannot go on without a gap: messages it needs have been removed.",
  // applications
  NOT_STARTED: "The app has no connection: it was not started, or it was stopped.",
  EXTENSION_TAKEN: "Two packages register the same property of an app.",
  KEY_EXISTS: "A key-value create found a value, or an update found another revision.",
} as const satisfies Record<string, string>;

/** The codes `@ganglion/core` throws. */
export type CoreErrorCode = keyof typeof CORE_ERRORS;

/** Creates an error of this package. */
export function coreError<Code extends CoreErrorCode>(
  code: Code,
  message: string,
  options?: GanglionErrorOptions,
): GanglionError<Code> {
  return new GanglionError(code, message, options);
}
