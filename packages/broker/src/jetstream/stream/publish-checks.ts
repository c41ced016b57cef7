import { type ApiError, apiError, type StreamConfig } from "@ganglion/protocol";
import { parseMessageTtl } from "./message-ttl.js";
import type { PublishHeaders } from "./publish-headers.js";
import { checkSchedule } from "./schedule-checks.js";

/** A message that may be stored, and what is to be done with it. */
export interface AcceptedPublish {
  readonly kind: "accept";
  /** Empty when it has none. */
  readonly messageId: string;
  readonly rollup: "sub" | "all" | undefined;
  /** What the counter of its subject is changed by. */
  readonly increment?: bigint | undefined;
  /** The message is a schedule: it replaces the one of its subject. */
  readonly isSchedule?: boolean | undefined;
  /** Subject of a schedule that ends with this message. */
  readonly endsSchedule?: string | undefined;
}

/** What a stream decides about a message by its headers. */
export type PublishVerdict =
  | AcceptedPublish
  | { readonly kind: "duplicate"; readonly sequence: number }
  | { readonly kind: "refuse"; readonly error: ApiError };

/** The message whose headers are checked, and the state of the stream they are checked against. */
export interface PublishFacts {
  readonly subject: string;
  readonly payloadSizeBytes: number;
  /** Copied from another stream, which has checked it. */
  readonly isSourced: boolean;
  readonly lastSequence: number;
  readonly nowUs: number;
  /** Id of the last message; empty when it had none. */
  lastMessageId(): string;
  /** Sequence of the last message on `subject`, which may be a filter; 0 when there is none. */
  lastSubjectSequence(subject: string): number;
  /** Sequence of the message with this id within the dedupe window. */
  duplicateOf(messageId: string): number | undefined;
  /** Whether the last message on `subject` is a schedule; undefined when there is no message. */
  hasSchedule(subject: string): boolean | undefined;
}

/** The verdict on a message without headers that matter. */
export const ACCEPT: AcceptedPublish = { kind: "accept", messageId: "", rollup: undefined };

type Check = (headers: PublishHeaders, config: StreamConfig, facts: PublishFacts) => ApiError | undefined;

/** In the order of nats-server 2.12 and later. (Before 2.12 the dedupe came second.) */
const CHECKS_BEFORE_DEDUPE: readonly Check[] = [
  checkIncrement,
  ({ expectedStream }, config) =>
    expectedStream !== undefined && expectedStream !== config.name ? apiError("StreamNotMatch") : undefined,
  checkTtlAllowed,
  checkExpectedSequences,
  checkSchedule,
  ({ streamSource }, _config, { isSourced }) =>
    streamSource !== undefined && !isSourced ? apiError("MessageSourceHdrNotAllowed") : undefined,
];

/**
 * Checks the headers of a publish: counters, expected stream, whether TTLs are allowed, expected last sequences,
 * schedules, dedupe, expected last message id, rollup. Pure.
 *
 * Source: nats-server stream.go `processJetStreamMsg`.
 */
export function checkPublish(
  headers: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): PublishVerdict {
  for (const check of CHECKS_BEFORE_DEDUPE) {
    const error = check(headers, config, facts);
    if (error !== undefined) return refuse(error);
  }
  const { messageId = "", expectedLastMessageId } = headers;
  const duplicateOf = messageId === "" ? undefined : facts.duplicateOf(messageId);
  if (duplicateOf !== undefined) return { kind: "duplicate", sequence: duplicateOf };
  if (expectedLastMessageId !== undefined && expectedLastMessageId !== facts.lastMessageId()) {
    return refuse(apiError("StreamWrongLastMsgID", { id: facts.lastMessageId() }));
  }
  const isSchedule = headers.schedule !== undefined && config.allow_msg_schedules === true;
  const rollup = headers.rollup ?? (isSchedule && !facts.isSourced ? "sub" : undefined);
  const error = checkRollup(rollup, config, facts);
  if (error !== undefined) return refuse(error);
  if (headers.increment === undefined && config.allow_msg_counter === true)
    return refuse(apiError("MessageIncrMissing"));
  return {
    kind: "accept",
    messageId,
    rollup: isRollupAllowed(config) && (rollup === "sub" || rollup === "all") ? rollup : undefined,
    increment: config.allow_msg_counter === true ? incrementOf(headers) : undefined,
    isSchedule,
    endsSchedule: headers.scheduleNext === "purge" ? headers.scheduler : undefined,
  };
}

function checkIncrement(
  headers: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): ApiError | undefined {
  if (headers.increment === undefined) return undefined;
  if (incrementOf(headers) === undefined) return apiError("MessageIncrInvalid");
  if (facts.isSourced) return undefined;
  if (config.allow_msg_counter !== true) return apiError("MessageIncrDisabled");
  if (facts.payloadSizeBytes > 0) return apiError("MessageIncrPayload");
  const excluded = [
    headers.rollup,
    headers.expectedStream,
    headers.expectedLastMessageId,
    headers.expectedLastSubjectSequenceSubject,
    headers.expectedLastSequence,
    headers.expectedLastSubjectSequence,
  ];
  return excluded.some((header) => header !== undefined) ? apiError("MessageIncrInvalid") : undefined;
}

function incrementOf({ increment }: PublishHeaders): bigint | undefined {
  if (increment === undefined || !/^[+-]?\d+$/.test(increment)) return undefined;
  return BigInt(increment.startsWith("+") ? increment.slice(1) : increment);
}

function checkTtlAllowed(
  { ttl }: PublishHeaders,
  config: StreamConfig,
  { isSourced }: PublishFacts,
): ApiError | undefined {
  if (ttl === undefined || isSourced || config.allow_msg_ttl) return undefined;
  const value = parseMessageTtl(ttl);
  return value === undefined || value === 0 ? undefined : apiError("MessageTTLDisabled");
}

function checkExpectedSequences(
  headers: PublishHeaders,
  _config: StreamConfig,
  facts: PublishFacts,
): ApiError | undefined {
  const { expectedLastSubjectSequence, expectedLastSubjectSequenceSubject, expectedLastSequence } = headers;
  if (expectedLastSubjectSequence !== undefined) {
    const last = facts.lastSubjectSequence(expectedLastSubjectSequenceSubject ?? facts.subject);
    if (last !== expectedLastSubjectSequence) return apiError("StreamWrongLastSequence", { seq: last });
  } else if (expectedLastSubjectSequenceSubject !== undefined) {
    return apiError("StreamExpectedLastSeqPerSubjectInvalid");
  }
  return expectedLastSequence !== undefined && expectedLastSequence !== facts.lastSequence
    ? apiError("StreamWrongLastSequence", { seq: facts.lastSequence })
    : undefined;
}

function isRollupAllowed(config: StreamConfig): boolean {
  return config.allow_rollup_hdrs && !config.deny_purge;
}

function checkRollup(
  rollup: string | undefined,
  config: StreamConfig,
  { isSourced }: PublishFacts,
): ApiError | undefined {
  if (rollup === undefined) return undefined;
  if (!isRollupAllowed(config) && !isSourced)
    return apiError("StreamRollupFailed", { err: "rollup not permitted" });
  if (rollup === "sub" || rollup === "all") return undefined;
  return apiError("StreamRollupFailed", { err: `rollup value invalid: ${JSON.stringify(rollup)}` });
}

function refuse(error: ApiError): PublishVerdict {
  return { kind: "refuse", error };
}
