import type { ConsumerConfig, PullPriority, PullRequest } from "@ganglion/protocol";
import { apiErrorOf } from "../api/api-fault.js";
import { bool, decodeJson, integer, openFields, optional, text } from "../api/json.js";

/** A pull request as JSON. */
interface PullRequestJson {
  readonly batch?: number;
  readonly max_bytes?: number;
  readonly expires?: number;
  readonly no_wait?: boolean;
  readonly idle_heartbeat?: number;
  readonly group?: string;
  readonly min_pending?: number;
  readonly min_ack_pending?: number;
  readonly id?: string;
  readonly priority?: number;
}

const NEXT_MESSAGE: PullRequest = { batch: 1, max_bytes: 0, expires: 0, no_wait: false, idle_heartbeat: 0 };

const decodeRequest = openFields<PullRequestJson>({
  batch: optional(integer()),
  max_bytes: optional(integer()),
  expires: optional(integer()),
  no_wait: optional(bool),
  idle_heartbeat: optional(integer()),
  group: optional(text),
  min_pending: optional(integer()),
  min_ack_pending: optional(integer()),
  id: optional(text),
  priority: optional(integer()),
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
    request = fromJson(decodeJson(body, decodeRequest));
  } catch (error) {
    return apiErrorOf(error, "InvalidJSON").description;
  }
  if (request.idle_heartbeat > 0 && request.idle_heartbeat * 2 > request.expires)
    return "heartbeat value too large";
  return request;
}

function fromJson({
  group,
  min_pending,
  min_ack_pending,
  id,
  priority,
  ...rest
}: PullRequestJson): PullRequest {
  return {
    ...NEXT_MESSAGE,
    batch: 0,
    ...rest,
    priority: {
      group: group ?? "",
      minPending: min_pending ?? 0,
      minAckPending: min_ack_pending ?? 0,
      pinId: id ?? "",
      level: priority ?? 0,
    },
  };
}

const MAX_PRIORITY_LEVEL = 9;

/**
 * Checks what a request says about priority groups against the consumer.
 *
 * @returns why it is refused.
 * Source: nats-server consumer.go `processNextMsgRequest`.
 */
export function priorityFault(
  { group, minPending, minAckPending, pinId, level }: PullPriority,
  { priority_policy: policy = "none", priority_groups: groups = [] }: ConsumerConfig,
): string | undefined {
  if ((minPending !== 0 || minAckPending !== 0) && policy !== "overflow")
    return "Not a Overflow Priority consumer";
  if (pinId !== "" && policy !== "pinned_client") return "Not a Pinned Client Priority consumer";
  if (level < 0 || level > MAX_PRIORITY_LEVEL) return `Priority must be between 0 and ${MAX_PRIORITY_LEVEL}`;
  if (policy === "none") return undefined;
  if (group === "") return "Priority Group missing";
  return groups.includes(group) ? undefined : "Invalid Priority Group";
}
