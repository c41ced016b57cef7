import type { PullRequest } from "@ganglion/protocol";
import { apiErrorOf } from "../api/api-fault.js";
import { bool, decodeJson, fields, integer, optional } from "../api/json.js";

const NEXT_MESSAGE: PullRequest = { batch: 1, max_bytes: 0, expires: 0, no_wait: false, idle_heartbeat: 0 };

const decodeRequest = fields<Partial<PullRequest>>({
  batch: optional(integer()),
  max_bytes: optional(integer()),
  expires: optional(integer()),
  no_wait: optional(bool),
  idle_heartbeat: optional(integer()),
});

/**
 * Reads the body of a pull request: empty (one message), a number of messages, or JSON.
 *
 * @returns the request, or why it can not be understood.
 * Source: nats-server consumer.go `nextReqFromMsg`.
 */
export function parsePullRequest(payload: string): PullRequest | string {
  const body = payload.trim();
  if (body === "") return NEXT_MESSAGE;
  if (!body.startsWith("{"))
    return /^[+-]?\d+$/.test(body) ? { ...NEXT_MESSAGE, batch: Number(body) } : NEXT_MESSAGE;
  let request: PullRequest;
  try {
    request = { ...NEXT_MESSAGE, batch: 0, ...decodeJson(body, decodeRequest) };
  } catch (error) {
    return apiErrorOf(error, "InvalidJSON").description;
  }
  if (request.idle_heartbeat > 0 && request.idle_heartbeat * 2 > request.expires)
    return "heartbeat value too large";
  return request;
}
