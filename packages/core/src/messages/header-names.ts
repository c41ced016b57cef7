/** Milliseconds the receiver has left, a whole number. No clocks are compared. */
export const DEADLINE_HEADER = "Ganglion-Deadline";
/** Major version of the sender's contract. */
export const VERSION_HEADER = "Ganglion-Version";
/** The same for every attempt at one operation. */
export const IDEMPOTENCY_HEADER = "Idempotency-Key";
/** Numeric code of an error reply. Source: ADR-32, "Error Handling". */
export const ERROR_CODE_HEADER = "Nats-Service-Error-Code";
/** Text of an error reply. Source: ADR-32, "Error Handling". */
export const ERROR_TEXT_HEADER = "Nats-Service-Error";
/** Headers that carry a trace. Source: W3C Trace Context, W3C Baggage. */
export const TRACE_HEADERS = ["traceparent", "tracestate", "baggage"] as const;
/** `<stream>.<sequence>` a message was first stored at, kept when it is sent again. */
export const ORIGIN_HEADER = "Ganglion-Origin";

/** Attributes of an event. Source: CloudEvents NATS protocol binding, binary content mode. */
export const CLOUD_EVENT = {
  specVersion: "ce-specversion",
  id: "ce-id",
  source: "ce-source",
  type: "ce-type",
  time: "ce-time",
  contentType: "ce-datacontenttype",
} as const;

/** Subject on which callers tell the instances of a service that they gave a call up; its body is the reply subject. */
export function cancelSubject(service: string): string {
  return `_GANGLION.cancel.${service}`;
}

/** Of a request for a stream of values: how many of them the caller takes before it says that it takes more. */
export const WINDOW_HEADER = "Ganglion-Window";
/** Number of a value in a stream, from 1. Its reply subject takes what the caller says: how many more it takes. */
export const ITEM_HEADER = "Ganglion-Item";
/** Ends a stream of values: how many there were. */
export const END_HEADER = "Ganglion-End";

/** What a dead letter's headers tell beside those of the original message, which it keeps. */
export const DEAD_LETTER = {
  subject: "Ganglion-Dead-Subject",
  stream: "Ganglion-Dead-Stream",
  sequence: "Ganglion-Dead-Sequence",
  consumer: "Ganglion-Dead-Consumer",
  deliveries: "Ganglion-Dead-Deliveries",
  code: "Ganglion-Dead-Code",
  reason: "Ganglion-Dead-Reason",
  /** Tells failures of one place in the code from others, without showing the code. */
  stackHash: "Ganglion-Dead-Stack-Hash",
  time: "Ganglion-Dead-Time",
} as const;
