import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/**
 * Every code `@ganglion/core` throws, with what it means. Codes are never reused.
 */
export const CORE_ERRORS = {
  // connection and messages
  CONNECTION_FAILED: "No server could be reached, or it refused the connection.",
  CONNECTION_CLOSED: "The connection was closed before the operation finished.",
  BUFFER_FULL: "Messages wait to be written and the server does not take them: more cannot be kept.",
  INVALID_OPTIONS: "Options cannot be used; `details.faults` lists why.",
  INVALID_CREDENTIALS: "A credentials file or seed cannot be read.",
  PERMISSION_DENIED: "The server does not let this user publish or subscribe there.",
  NO_RESPONDERS: "Nobody listens on the subject of a request.",
  TIMEOUT: "No answer arrived before the deadline. The request may still have had its effect.",
  PAYLOAD_TOO_LARGE: "Headers and payload exceed the server's max_payload.",
  HEALTH_LISTEN_FAILED: "The health server cannot listen on its address.",
  // JetStream
  JETSTREAM_UNAVAILABLE: "The server or the account has no JetStream.",
  JETSTREAM_ERROR: "JetStream refused a request; `details.errorCode` is its error code.",
  NO_STREAM: "The stream does not exist, or no stream listens on the subject of an append.",
  NO_CONSUMER: "The consumer does not exist.",
  STREAM_MISMATCH: "An append reached another stream than the expected one.",
  WRONG_LAST_SEQUENCE:
    "A compare-and-set append lost; `details.actualSequence` is the last sequence when the server told it.",
  UNKNOWN_OUTCOME: "An append was not answered in time: it may or may not be stored.",
  NO_DEAD_LETTER: "A service has no dead letter of this sequence (any more).",
  NO_OBJECT: "An object store has no object of this name.",
  OBJECT_DAMAGED: "An object is not what was stored: chunks are missing, changed, or it was replaced.",
  CONSUMER_LOST: "A consumer disappeared and could not be rebuilt.",
  READ_GAP: "An ordered read cannot go on without a gap: messages it needs have been removed.",
  // contracts and services
  INVALID_CONTRACT: "A contract cannot be used; `details.faults` lists why.",
  INVALID_SERVICE: "Service classes cannot be used; `details.faults` lists why.",
  // deliveries
  DELIVERY_RETRY: "A method asked for its message to be delivered again.",
  DELIVERY_REJECTED: "A method gave its message up.",
  DELIVERY_DEAD: "A method gave its message up and wants it kept as a dead letter.",
  ONCE_FENCED:
    "Another process took over what a method was doing once; the outcome of the slower one does not count.",
  // dependencies
  UNKNOWN_DEPENDENCY: "A class asks for a dependency nobody provides.",
  DEPENDENCY_CYCLE: "Dependencies need each other in a circle.",
  DEPENDENCY_NOT_READY: "A dependency that takes time to make is asked for before it is made.",
  NO_INJECTION_HERE: "inject() was called outside of a class the app makes.",
  INVALID_BACKOFF: "A backoff has none of the allowed forms.",
  // calls
  BAD_REQUEST: "The input does not fit the endpoint's schema; `details.issues` names the paths.",
  BAD_RESPONSE: "The reply does not fit the endpoint's schema, or is no JSON.",
  INVALID_DATA: "Data of an event, task or call does not fit its schema; nothing was sent.",
  VERSION_MISMATCH: "Caller and service speak different major versions of the contract.",
  OVERLOADED: "The service has as many requests as it takes, and as many waiting.",
  RATE_LIMITED:
    "An endpoint is used more often than its policy lets; `details.retryAfterMs` tells when there is room.",
  CIRCUIT_OPEN: "An endpoint failed too often and is not called for a while.",
  INTERNAL: "The service failed with an error it did not declare.",
  // applications
  TOPOLOGY_MISMATCH:
    "Streams or consumers on the server do not fit what the app needs; `details.faults` lists why.",
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
