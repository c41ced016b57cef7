import { type ApiError, apiError, JETSTREAM_HEADERS } from "@ganglion/protocol";
import type { PublishFacts } from "./publish-checks.js";
import type { PublishHeaders } from "./publish-headers.js";
import type { TakenRoom } from "./room.js";
import type { FramedMessage } from "./with-headers.js";

/** The part of a batch that was checked: what the next message of it finds as if it were stored. */
export class StagedBatch {
  private readonly messageIds = new Set<string>();
  private readonly subjects = new Map<
    string,
    { readonly message: FramedMessage; readonly isSchedule: boolean }
  >();
  private messages = 0;
  private bytes = 0;

  /** What it takes of the room of its stream. */
  get taken(): TakenRoom {
    return { messages: this.messages, bytes: this.bytes };
  }

  add(
    message: FramedMessage,
    facts: { subject: string; messageId: string; isSchedule: boolean; sizeBytes: number },
  ): void {
    const { subject, messageId, isSchedule, sizeBytes } = facts;
    if (messageId !== "") this.messageIds.add(messageId);
    this.subjects.set(subject, { message, isSchedule });
    this.messages++;
    this.bytes += sizeBytes;
  }

  /** The last message of the batch on `subject`. */
  last(subject: string): FramedMessage | undefined {
    return this.subjects.get(subject)?.message;
  }

  /** Facts of the stream as if the batch so far were stored. */
  factsOver(facts: PublishFacts): PublishFacts {
    return {
      ...facts,
      lastSequence: facts.lastSequence + this.messages,
      duplicateOf: (messageId) => (this.messageIds.has(messageId) ? 0 : facts.duplicateOf(messageId)),
      hasSchedule: (subject) => this.subjects.get(subject)?.isSchedule ?? facts.hasSchedule(subject),
    };
  }

  /**
   * What may not be asked of a message because it is not the first of its batch.
   *
   * Source: ADR-50; nats-server jetstream_batching.go `checkMsgHeadersPreClusteredProposal`.
   */
  refusal(headers: PublishHeaders, { subject, lastSequence }: PublishFacts): ApiError | undefined {
    if (headers.expectedLastMessageId !== undefined) {
      return apiError("AtomicPublishUnsupportedHeaderBatch", {
        header: JETSTREAM_HEADERS.expectedLastMessageId,
      });
    }
    const { expectedLastSequence, expectedLastSubjectSequence, rollup } = headers;
    if (expectedLastSequence === lastSequence && this.messages > 0) {
      return apiError("StreamWrongLastSequenceConstant");
    }
    const expectedSubject = headers.expectedLastSubjectSequenceSubject ?? subject;
    if (expectedLastSubjectSequence !== undefined && this.subjects.has(expectedSubject)) {
      return apiError("StreamWrongLastSequenceConstant");
    }
    if (rollup === "sub" && this.subjects.has(subject)) {
      return apiError("StreamRollupFailed", { err: "batch rollup sub invalid" });
    }
    return rollup === "all" && this.messages > 0
      ? apiError("StreamRollupFailed", { err: "batch rollup all invalid" })
      : undefined;
  }
}
