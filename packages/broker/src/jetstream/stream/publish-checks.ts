import { type ApiError, apiError, type StreamConfig } from "@ganglion/protocol";
import type { PublishHeaders } from "./publish-headers.js";

/** What a stream decides about a message by its headers. */
export type PublishVerdict =
  | { readonly kind: "accept"; readonly messageId: string; readonly rollup: "sub" | "all" | undefined }
  | { readonly kind: "duplicate"; readonly sequence: number }
  | { readonly kind: "refuse"; readonly error: ApiError };

/** The state of a stream that headers are checked against. */
export interface PublishFacts {
  readonly lastSequence: number;
  /** Id of the last message; empty when it had none. */
  lastMessageId(): string;
  /** Sequence of the last message on `subject`, or on the subject of the publish; 0 when there is none. */
  lastSubjectSequence(subject: string | undefined): number;
  /** Sequence of the message with this id within the dedupe window. */
  duplicateOf(messageId: string): number | undefined;
}

/** The verdict on a message without headers that matter. */
export const ACCEPT: PublishVerdict = { kind: "accept", messageId: "", rollup: undefined };

/**
 * Checks the headers of a publish, in the order of nats-server 2.12 and later: expected stream, expected last
 * sequence of the subject and of the stream, dedupe, expected last message id, rollup. (Before 2.12 the dedupe
 * came second.) Pure.
 *
 * Source: nats-server stream.go `processJetStreamMsg`.
 */
export function checkPublish(
  headers: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): PublishVerdict {
  if (headers.expectedStream !== undefined && headers.expectedStream !== config.name) {
    return refuse(apiError("StreamNotMatch"));
  }
  const { expectedLastSubjectSequence, expectedLastSequence, expectedLastMessageId, messageId } = headers;
  if (expectedLastSubjectSequence !== undefined) {
    const last = facts.lastSubjectSequence(headers.expectedLastSubjectSequenceSubject);
    if (last !== expectedLastSubjectSequence) return wrongLastSequence(last);
  } else if (headers.expectedLastSubjectSequenceSubject !== undefined) {
    return refuse(apiError("StreamExpectedLastSeqPerSubjectInvalid"));
  }
  if (expectedLastSequence !== undefined && expectedLastSequence !== facts.lastSequence) {
    return wrongLastSequence(facts.lastSequence);
  }
  const duplicateOf = messageId === undefined ? undefined : facts.duplicateOf(messageId);
  if (duplicateOf !== undefined) return { kind: "duplicate", sequence: duplicateOf };
  if (expectedLastMessageId !== undefined && expectedLastMessageId !== facts.lastMessageId()) {
    return refuse(apiError("StreamWrongLastMsgID", { id: facts.lastMessageId() }));
  }
  const { rollup } = headers;
  if (rollup === undefined) return { kind: "accept", messageId: messageId ?? "", rollup };
  if (!config.allow_rollup_hdrs || config.deny_purge) return rollupFailed("rollup not permitted");
  if (rollup !== "sub" && rollup !== "all") {
    return rollupFailed(`rollup value invalid: ${JSON.stringify(rollup)}`);
  }
  return { kind: "accept", messageId: messageId ?? "", rollup };
}

function rollupFailed(reason: string): PublishVerdict {
  return refuse(apiError("StreamRollupFailed", { err: reason }));
}

function wrongLastSequence(last: number): PublishVerdict {
  return refuse(apiError("StreamWrongLastSequence", { seq: last }));
}

function refuse(error: ApiError): PublishVerdict {
  return { kind: "refuse", error };
}
