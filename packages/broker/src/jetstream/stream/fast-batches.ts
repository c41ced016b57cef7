import type { Clock, Timer } from "@ganglion/kernel";
import { type ApiError, apiError, type StreamConfig } from "@ganglion/protocol";
import { isApiLevelThere } from "../api/version-metadata.js";
import { type FastPublish, parseFastPublish } from "./fast-publish.js";
import type { InFlight } from "./in-flight.js";
import type { PublishHeaders } from "./publish-headers.js";

/** What became of one message of a batch. */
export type FastResult =
  | { readonly kind: "stored"; readonly sequence: number }
  | { readonly kind: "duplicate"; readonly sequence: number }
  | { readonly kind: "refused"; readonly error: ApiError };

/** What {@link FastBatches} needs of its stream. */
export interface FastBatchHost {
  readonly clock: Clock;
  readonly inFlight: InFlight;
  config(): StreamConfig;
  /** Sends JSON. */
  send(reply: string, body: object): void;
  /** Acknowledges a whole batch. */
  acknowledge(
    reply: string,
    ack: { sequence: number; batchId: string; count: number; duplicate?: boolean },
  ): void;
  refuse(reply: string, error: ApiError): void;
}

/** Most messages that are acknowledged together, over all batches of a stream. */
const MAX_FLOW = 500;
const MAX_ID_BYTES = 64;

/** A batch, with positions of its messages. */
interface FastBatch {
  readonly id: string;
  readonly gapsAllowed: boolean;
  readonly maxFlow: number;
  /** Messages between two acknowledgements. */
  flow: number;
  /** Last message that came. */
  last: number;
  /** Last message that is durable; no message after it was stored. */
  durable: number;
  /** Last message that was acknowledged. */
  acknowledged: number;
  /** Messages that were appended and are not durable. */
  readonly pending: { readonly position: number; readonly sequence: number }[];
  /** Last sequence of the stream that is the batch's. */
  sequence: number;
  reply: string;
  isEnding: boolean;
  timer: Timer;
}

/**
 * Publishes that are acknowledged together: the client sends on while the server tells, every few messages, what is
 * durable. Each message is stored by itself.
 *
 * Source: nats-server stream.go `processJetStreamFastBatchMsg`, jetstream_batching.go.
 */
export class FastBatches {
  private readonly open = new Map<string, FastBatch>();

  constructor(private readonly host: FastBatchHost) {}

  /** Takes a message whose reply subject is that of a fast publish. @param store - stores it. */
  take(reply: string, headers: PublishHeaders | undefined, store: () => FastResult): void {
    if (this.host.config().allow_batched !== true) {
      this.host.refuse(reply, apiError("BatchPublishDisabled"));
      return;
    }
    const publish = parseFastPublish(reply);
    const batch = publish === undefined ? apiError("BatchPublishInvalidPattern") : this.find(publish);
    if ("err_code" in batch || publish === undefined) {
      this.host.refuse(reply, batch as ApiError); // without a publish it is the error made for that
      return;
    }
    const level = headers?.requiredApiLevel;
    if (level !== undefined && !isApiLevelThere(level)) {
      this.forget(batch);
      this.host.refuse(reply, apiError("RequiredApiLevel"));
      return;
    }
    this.restartTimer(batch);
    batch.reply = reply;
    if (publish.operation === "ping") this.ping(batch, publish);
    else if (!batch.isEnding && this.follows(batch, publish)) this.store(batch, publish, store);
  }

  /** Messages up to `sequence` are durable. */
  durable(sequence: number): void {
    for (const batch of [...this.open.values()]) {
      let count = 0;
      for (const entry of batch.pending) {
        if (entry.sequence > sequence) break;
        batch.durable = entry.position;
        batch.sequence = entry.sequence;
        count++;
      }
      if (count === 0) continue;
      batch.pending.splice(0, count);
      if (batch.pending.length === 0) batch.durable = batch.last;
      this.advance(batch);
    }
  }

  /** Messages from `sequence` on were not stored: their batches end with what is. */
  failed(sequence: number, error: ApiError): void {
    for (const batch of [...this.open.values()]) {
      const lost = batch.pending.filter((entry) => entry.sequence >= sequence);
      const [first] = lost;
      if (first === undefined) continue;
      batch.pending.splice(batch.pending.length - lost.length);
      this.host.send(batch.reply, { type: "err", seq: first.position, error });
      batch.last = first.position - 1;
      this.end(batch);
    }
  }

  close(): void {
    for (const batch of [...this.open.values()]) this.forget(batch);
  }

  private find({ batchId, sequence, flow, gapsAllowed }: FastPublish): FastBatch | ApiError {
    const found = this.open.get(batchId);
    if (Buffer.byteLength(batchId) > MAX_ID_BYTES) return apiError("BatchPublishInvalidBatchID");
    if (found !== undefined) return found;
    if (sequence !== 1) return apiError("BatchPublishUnknownBatchID");
    if (!this.host.inFlight.begin("fast", this.open.size)) return apiError("BatchPublishTooManyInflight");
    const batch: FastBatch = {
      id: batchId,
      gapsAllowed,
      maxFlow: flow,
      flow: this.open.size > 0 ? 1 : Math.min(MAX_FLOW, flow),
      last: 0,
      durable: 0,
      acknowledged: 0,
      pending: [],
      sequence: 0,
      reply: "",
      isEnding: false,
      timer: this.timer(batchId),
    };
    this.open.set(batchId, batch);
    return batch;
  }

  private ping(batch: FastBatch, { sequence }: FastPublish): void {
    if (sequence > batch.last) {
      this.host.send(batch.reply, { type: "gap", last_seq: batch.last + 1, seq: sequence + 1 });
      if (!batch.gapsAllowed) {
        this.end(batch);
        return;
      }
      batch.last = sequence;
      if (batch.pending.length === 0) batch.durable = sequence;
      if (this.acknowledgeDue(batch)) return;
    }
    this.sendFlow(batch);
  }

  /** Whether a message is the next one, or may come behind a gap. Otherwise the batch ends. */
  private follows(batch: FastBatch, { sequence }: FastPublish): boolean {
    const expected = batch.last + 1;
    if (sequence > expected) {
      this.host.send(batch.reply, { type: "gap", last_seq: expected, seq: sequence });
    }
    if (sequence === expected || (batch.gapsAllowed && sequence > expected)) return true;
    this.end(batch);
    return false;
  }

  private store(batch: FastBatch, { sequence, operation }: FastPublish, store: () => FastResult): void {
    if (operation === "commitEmpty") {
      if (batch.pending.length === 0) batch.durable = batch.last;
      this.end(batch);
      return;
    }
    const isCommit = operation === "commit";
    batch.last = sequence;
    if (sequence === 1 && !isCommit) this.host.send(batch.reply, { type: "ack", seq: 0, msgs: batch.flow });
    const result = store();
    if (result.kind === "stored") {
      batch.pending.push({ position: sequence, sequence: result.sequence });
      if (isCommit) batch.isEnding = true;
    } else this.notStored(batch, result, isCommit);
  }

  private notStored(
    batch: FastBatch,
    result: Exclude<FastResult, { readonly kind: "stored" }>,
    isCommit: boolean,
  ): void {
    const { last } = batch;
    const isFirst = last === 1 && !batch.gapsAllowed;
    if (result.kind === "duplicate") {
      if (batch.pending.length === 0) batch.durable = last;
      if (!isCommit) this.acknowledgeDue(batch);
      else if (isFirst) {
        this.forget(batch);
        const ack = { sequence: result.sequence, batchId: batch.id, count: last, duplicate: true };
        this.host.acknowledge(batch.reply, ack);
      } else this.end(batch);
      return;
    }
    if (isFirst) {
      this.forget(batch);
      this.host.refuse(batch.reply, result.error);
      return;
    }
    this.host.send(batch.reply, { type: "err", seq: last, error: result.error });
    if (batch.gapsAllowed && !isCommit) return;
    batch.last--;
    if (batch.pending.length === 0) batch.durable = batch.last;
    this.end(batch);
  }

  /** Takes nothing more in; the answer comes when all is durable. */
  private end(batch: FastBatch): void {
    batch.isEnding = true;
    this.advance(batch);
  }

  private advance(batch: FastBatch): void {
    if (batch.isEnding && batch.pending.length === 0) {
      this.forget(batch);
      const { id: batchId, sequence, last: count } = batch;
      this.host.acknowledge(batch.reply, { sequence, batchId, count });
    } else if (!batch.isEnding) this.acknowledgeDue(batch);
  }

  /** Acknowledges what is durable when that is enough, and finds out how much is enough next time. */
  private acknowledgeDue(batch: FastBatch): boolean {
    const steps = Math.floor((batch.durable - batch.acknowledged) / batch.flow);
    if (steps < 1) return false;
    batch.acknowledged += steps * batch.flow;
    const most = Math.min(batch.maxFlow, Math.max(1, Math.floor(MAX_FLOW / this.open.size)));
    if (batch.flow < most) batch.flow = Math.min(most, batch.flow * 2);
    else if (batch.flow > most) batch.flow = Math.max(most, Math.floor(batch.flow / 2));
    this.sendFlow(batch);
    return true;
  }

  private sendFlow(batch: FastBatch): void {
    this.host.send(batch.reply, { type: "ack", seq: batch.acknowledged, msgs: batch.flow });
  }

  private restartTimer(batch: FastBatch): void {
    batch.timer.cancel();
    batch.timer = this.timer(batch.id);
  }

  private timer(batchId: string): Timer {
    return this.host.clock.schedule(this.host.inFlight.limits.timeoutMs, () => {
      const batch = this.open.get(batchId);
      if (batch !== undefined) this.forget(batch);
    });
  }

  private forget(batch: FastBatch): void {
    batch.timer.cancel();
    if (this.open.delete(batch.id)) this.host.inFlight.end("fast");
  }
}
