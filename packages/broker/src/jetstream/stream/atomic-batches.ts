import type { Clock, Timer } from "@ganglion/kernel";
import {
  type ApiError,
  apiError,
  JETSTREAM_HEADERS,
  removeHeaders,
  type StreamConfig,
} from "@ganglion/protocol";
import { isApiLevelThere } from "../api/version-metadata.js";
import type { InFlight } from "./in-flight.js";
import type { PublishHeaders } from "./publish-headers.js";
import { type FramedMessage, withHeaders } from "./with-headers.js";

/** A message of a batch, kept until the batch is complete. */
export interface BatchedMessage extends FramedMessage {
  readonly subject: string;
  readonly headers: PublishHeaders;
}

/** Why a batch was given up. Source: nats-server jetstream_events.go `BatchAbandonReason`. */
export type AbandonReason = "timeout" | "large" | "incomplete" | "unsupported";

/** A batch is answered with an error, an empty message, or when it is stored. */
export type BatchOutcome = ApiError | "staged" | "committed";

/** What {@link AtomicBatches} needs of its stream. */
export interface AtomicBatchHost {
  readonly clock: Clock;
  readonly inFlight: InFlight;
  config(): StreamConfig;
  /** Stores all messages or none, and has the commit answered when that is durable. */
  commit(
    batchId: string,
    messages: readonly BatchedMessage[],
    answerTo: string | undefined,
  ): ApiError | undefined;
  abandoned(batchId: string, reason: AbandonReason): void;
}

const MAX_ID_BYTES = 64;

interface OpenBatch {
  readonly messages: BatchedMessage[];
  timer: Timer;
}

/** Gathers messages that are to be stored together. Source: ADR-50; nats-server stream.go `processJetStreamAtomicBatchMsg`. */
export class AtomicBatches {
  private readonly open = new Map<string, OpenBatch>();

  constructor(private readonly host: AtomicBatchHost) {}

  /** Takes a message of a batch. @param message - its bytes are copied. */
  take(message: BatchedMessage, answerTo: string | undefined): BatchOutcome {
    const { batchId = "", batchSequence, batchCommit } = message.headers;
    if (this.host.config().allow_atomic !== true) return apiError("AtomicPublishDisabled");
    if (Buffer.byteLength(batchId) > MAX_ID_BYTES) return apiError("AtomicPublishInvalidBatchID");
    if (batchSequence === undefined || batchSequence < 0) return apiError("AtomicPublishMissingSeq");
    const endsEmpty = batchCommit === "eob";
    const size = endsEmpty ? batchSequence - 1 : batchSequence;
    const batch = this.open.get(batchId) ?? this.begin(batchId, { batchSequence, size });
    if ("err_code" in batch) return batch;
    if (batchCommit !== undefined && batchCommit !== "1" && !endsEmpty) {
      this.forget(batchId);
      return apiError("AtomicPublishInvalidBatchCommit");
    }
    const refusal = this.refusal(message.headers, { batch, size });
    if (refusal !== undefined) return this.giveUp(batchId, refusal);
    if (!endsEmpty) batch.messages.push(copyOf(message));
    if (batchCommit === undefined) {
      this.restartTimer(batchId, batch);
      return "staged";
    }
    this.forget(batchId);
    return this.host.commit(batchId, committed(batch.messages, endsEmpty), answerTo) ?? "committed";
  }

  /** Gives up all batches without a word: the stream is closed. */
  close(): void {
    for (const batchId of [...this.open.keys()]) this.forget(batchId);
  }

  private begin(
    batchId: string,
    { batchSequence, size }: { readonly batchSequence: number; readonly size: number },
  ): OpenBatch | ApiError {
    const { inFlight } = this.host;
    if (batchSequence !== 1) {
      return size > inFlight.limits.maxMessages
        ? apiError("AtomicPublishTooLargeBatch", { size: inFlight.limits.maxMessages })
        : apiError("AtomicPublishIncompleteBatch");
    }
    if (!inFlight.begin("atomic", this.open.size)) return apiError("AtomicPublishTooManyInflight");
    const batch: OpenBatch = { messages: [], timer: this.timer(batchId) };
    this.open.set(batchId, batch);
    return batch;
  }

  private refusal(
    headers: PublishHeaders,
    { batch, size }: { readonly batch: OpenBatch; readonly size: number },
  ): readonly [ApiError, AbandonReason] | undefined {
    const { requiredApiLevel, batchSequence = 0, batchCommit } = headers;
    if (requiredApiLevel !== undefined && !isApiLevelThere(requiredApiLevel)) {
      return [apiError("RequiredApiLevel"), "unsupported"];
    }
    const isNext = batchSequence === batch.messages.length + 1;
    if (!isNext || (batchSequence === 1 && batchCommit === "eob")) {
      return [apiError("AtomicPublishIncompleteBatch"), "incomplete"];
    }
    const { maxMessages } = this.host.inFlight.limits;
    return size > maxMessages
      ? [apiError("AtomicPublishTooLargeBatch", { size: maxMessages }), "large"]
      : undefined;
  }

  private giveUp(batchId: string, [error, reason]: readonly [ApiError, AbandonReason]): ApiError {
    this.forget(batchId);
    this.host.abandoned(batchId, reason);
    return error;
  }

  private restartTimer(batchId: string, batch: OpenBatch): void {
    batch.timer.cancel();
    batch.timer = this.timer(batchId);
  }

  private timer(batchId: string): Timer {
    const { clock, inFlight } = this.host;
    return clock.schedule(inFlight.limits.timeoutMs, () => {
      this.forget(batchId);
      this.host.abandoned(batchId, "timeout");
    });
  }

  private forget(batchId: string): void {
    const batch = this.open.get(batchId);
    if (batch === undefined) return;
    batch.timer.cancel();
    this.open.delete(batchId);
    this.host.inFlight.end("atomic");
  }
}

/** The messages as they are stored. The last one says that it ends the batch. */
function committed(messages: readonly BatchedMessage[], endsEmpty: boolean): readonly BatchedMessage[] {
  const last = messages.at(-1);
  if (!endsEmpty || last === undefined) return messages;
  return [
    ...messages.slice(0, -1),
    { ...last, ...withHeaders(last, [[JETSTREAM_HEADERS.batchCommit, "1"]]) },
  ];
}

function copyOf({ data, headerSizeBytes, ...rest }: BatchedMessage): BatchedMessage {
  const block = removeHeaders(
    data.subarray(0, headerSizeBytes),
    (name) => name === JETSTREAM_HEADERS.requiredApiLevel,
  );
  return {
    ...rest,
    headerSizeBytes: block.length,
    data: Buffer.concat([block, data.subarray(headerSizeBytes)]),
  };
}
