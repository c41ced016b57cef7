import type { JetStreamAccount } from "../account.js";
import { type Decoder, decodeJson } from "./json.js";

/** A request of the JetStream API, taken off the wire. */
export interface ApiRequest {
  readonly account: JetStreamAccount;
  /** Tokens behind the verb: names of stream, consumer, and what else the subject holds. */
  readonly args: readonly string[];
  readonly payload: string;
}

/** Body of a response, without `type` and `error`. */
export type ResponseBody = object;

/** Name of the stream a request is about: the first argument. */
export function streamName({ args }: ApiRequest): string {
  return args[0] ?? "";
}

/** Name of the consumer a request is about: the second argument. */
export function consumerName({ args }: ApiRequest): string {
  return args[1] ?? "";
}

/**
 * Whether a request has nothing to say: no payload, or an empty JSON object.
 *
 * Source: nats-server jetstream_api.go `isEmptyRequest`.
 */
export function isEmptyRequest(payload: string): boolean {
  if (payload === "" || payload === "{}") return true;
  try {
    const value: unknown = JSON.parse(payload);
    return (
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
    );
  } catch {
    return false;
  }
}

/** Reads the payload of a request. @throws ApiFault `InvalidJSON`. */
export function decodeBody<T>({ account, payload }: ApiRequest, decode: Decoder<T>): T {
  return decodeJson(payload, decode, account.isLenient);
}

/** Reads a payload that may be left out. @throws ApiFault `InvalidJSON`. */
export function decodeOptional<T extends object>(request: ApiRequest, decode: Decoder<T>): Partial<T> {
  return isEmptyRequest(request.payload) ? {} : decodeBody(request, decode);
}
