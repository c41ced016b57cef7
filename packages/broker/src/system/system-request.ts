import { gzipSync } from "node:zlib";
import { getHeader } from "@ganglion/protocol";
import { brokerError } from "../errors.js";
import type { RoutedMessage } from "../jetstream/account-bus.js";
import { JsonObject } from "../json-object.js";

/** What a request is asked with, taken out of its message: the message is gone when the call ends. */
export interface SystemRequest {
  readonly subject: string;
  readonly reply: string;
  /** Id of the connection that asks; undefined for the broker itself. */
  readonly clientId: number | undefined;
  readonly payload: string;
  readonly acceptedEncoding: string;
}

const decoder = new TextDecoder();

/** Takes a request out of its message. @returns undefined without a reply: nobody waits for the answer. */
export function readRequest(message: RoutedMessage): SystemRequest | undefined {
  const { subject, reply, headerSizeBytes, data, origin } = message;
  if (reply === undefined) return undefined;
  return {
    subject,
    reply,
    clientId: origin?.clientId,
    payload: decoder.decode(data.subarray(headerSizeBytes)),
    acceptedEncoding: getHeader(data, "Accept-Encoding", headerSizeBytes) ?? "",
  };
}

/** What a request asks with is malformed, which is not the same as wrong. */
const malformed = (reason: string) =>
  brokerError("INVALID_MONITORING_REQUEST", reason, { details: { isMalformed: true } });

/** The options in a request. @throws GanglionError `INVALID_MONITORING_REQUEST` when they are no JSON object. */
export function requestOptions(payload: string): JsonObject {
  let value: unknown;
  try {
    value = payload === "" ? {} : JSON.parse(payload);
  } catch (error) {
    throw malformed((error as Error).message);
  }
  return JsonObject.of(value, { name: "the request", fail: malformed });
}

/** The message of an answer. */
export interface EncodedAnswer {
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/** Encodes an answer as who asks wants it. Source: nats-server events.go `getAcceptEncoding`, `internalSendLoop`. */
export function encodeAnswer(answer: unknown, acceptedEncoding: string): EncodedAnswer {
  const json = Buffer.from(JSON.stringify(answer));
  if (acceptedEncoding === "") return { headerSizeBytes: 0, data: json };
  const isGzip = acceptedEncoding.toLowerCase().includes("gzip");
  const header = Buffer.from(`NATS/1.0\r\nContent-Encoding: ${isGzip ? "gzip" : "identity"}\r\n\r\n`);
  return { headerSizeBytes: header.length, data: Buffer.concat([header, isGzip ? gzipSync(json) : json]) };
}
