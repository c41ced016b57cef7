import { JETSTREAM_HEADERS } from "./api-subjects.js";

/** Code and text of a header-only status message. Clients match both. */
export type Status = readonly [code: number, text: string];

/**
 * Status messages of JetStream whose text is fixed.
 *
 * Source: nats-server consumer.go and stream.go, the `NATS/1.0 …` literals.
 */
export const STATUS = {
  idleHeartbeat: [100, "Idle Heartbeat"],
  flowControl: [100, "FlowControl Request"],
  noMessages: [404, "No Messages"],
  requestTimeout: [408, "Request Timeout"],
  requestsPending: [408, "Requests Pending"],
  messageSizeExceedsMaxBytes: [409, "Message Size Exceeds MaxBytes"],
  batchCompleted: [409, "Batch Completed"],
  consumerDeleted: [409, "Consumer Deleted"],
  consumerIsPushBased: [409, "Consumer is push based"],
  exceededMaxWaiting: [409, "Exceeded MaxWaiting"],
  /** The pin id of a request is not, or no longer, the one of the pinned client: a waiting request ends. */
  wrongPinId: [423, "Nats-Wrong-Pin-Id"],
  /** The same for a request that comes in. */
  pinIdMismatch: [423, "Nats-Pin-Id mismatch"],
  noResults: [404, "No Results"],
  tooManyResults: [413, "Too Many Results"],
  endOfBatch: [204, "EOB"],
  messageNotFound: [404, "Message Not Found"],
  emptyRequest: [408, "Empty Request"],
  malformedRequest: [408, "Malformed Request"],
  badRequest: [408, "Bad Request"],
  requiredApiLevel: [412, "Required Api Level"],
  noResponders: [503, ""],
} as const satisfies Readonly<Record<string, Status>>;

/** A request that asks for more messages than the consumer allows. */
export function exceededMaxRequestBatch(limit: number): Status {
  return [409, `Exceeded MaxRequestBatch of ${limit}`];
}

/** A request that waits longer than the consumer allows; `limit` is a duration as Go writes it. */
export function exceededMaxRequestExpires(limit: string): Status {
  return [409, `Exceeded MaxRequestExpires of ${limit}`];
}

/** A request that asks for more bytes than the consumer allows. */
export function exceededMaxRequestMaxBytes(limit: number): Status {
  return [409, `Exceeded MaxRequestMaxBytes of ${limit}`];
}

/** A request that can not be understood. */
export function badPullRequest(reason: string): Status {
  return [400, `Bad Request - ${reason}`];
}

/** Headers that tell what is left of a pull request that ends early. */
export function pendingHeaders(messages: number, bytes: number): readonly (readonly [string, string])[] {
  return [
    [JETSTREAM_HEADERS.pendingMessages, String(messages)],
    [JETSTREAM_HEADERS.pendingBytes, String(bytes)],
  ];
}

/** Encodes a status message: a header block without payload. Values are ASCII. */
export function encodeStatus(
  [code, text]: Status,
  headers: readonly (readonly [string, string])[] = [],
): Uint8Array {
  let block = text === "" ? `NATS/1.0 ${code}\r\n` : `NATS/1.0 ${code} ${text}\r\n`;
  for (const [name, value] of headers) block += `${name}: ${value}\r\n`;
  return Buffer.from(`${block}\r\n`, "utf8");
}
