import type { Clock, Logger } from "@ganglion/kernel";
import {
  type ApiError,
  apiError,
  getHeader,
  JETSTREAM_HEADERS,
  type StreamConfig,
  setHeaders,
} from "@ganglion/protocol";
import type { MessageStore, StoredMessage } from "@ganglion/store";
import { compileSubjectTransform, type SubjectTransform } from "../../routing/subject-transform.js";
import type { AccountBus, RoutedMessage } from "../account-bus.js";
import { apiErrorOf } from "../api/api-fault.js";
import type { MirroredMessage } from "../origin/mirror.js";
import { type AbandonReason, AtomicBatches, type BatchedMessage } from "./atomic-batches.js";
import { StagedBatch } from "./batch-checks.js";
import { countMessage } from "./counter.js";
import { DedupeWindow } from "./dedupe-window.js";
import { FastBatches, type FastResult } from "./fast-batches.js";
import { isFastPublish } from "./fast-publish.js";
import type { InFlight } from "./in-flight.js";
import { parseMessageTtl } from "./message-ttl.js";
import { PubAcks } from "./pub-acks.js";
import {
  ACCEPT,
  type AcceptedPublish,
  checkPublish,
  type PublishFacts,
  type PublishVerdict,
} from "./publish-checks.js";
import { type PublishHeaders, readPublishHeaders } from "./publish-headers.js";
import { lastReadable, readable } from "./readable.js";
import { Republisher } from "./republish.js";
import { fullRefusal, roomOf, sizeRefusal } from "./room.js";
import { type FramedMessage, withHeaders } from "./with-headers.js";

/** What {@link Ingest} needs of its stream. */
export interface IngestHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly domain: string | undefined;
  readonly messages: MessageStore;
  readonly inFlight: InFlight;
  readonly maxPayloadBytes: number;
  /** Whether some consumer takes messages of `subject`. */
  hasInterest(subject: string): boolean;
  /** A message was appended; it is not durable yet. */
  appended(message: StoredMessage, headers: PublishHeaders | undefined): void;
  /** Why the account or server has no room for `sizeBytes` more. */
  resourceRefusal(sizeBytes: number): ApiError | undefined;
  /** Removes what a rollup replaces: all older messages, or with `subject` those of the subject; the last `keep` stay. */
  rollUp(subject: string | undefined, keep: number): void;
  /** Removes all messages on `subject`. */
  purgeSubject(subject: string): void;
  /** A batch will not be stored. */
  batchAbandoned(batchId: string, reason: AbandonReason): void;
}

/** A message that asks to be stored. */
interface Candidate extends FramedMessage {
  readonly subject: string;
  readonly headers: PublishHeaders | undefined;
  /** Made by the server, which has checked it: copied from another stream, or scheduled. */
  readonly isSourced: boolean;
}

/** A message that passed its checks, as it is to be stored. */
interface Prepared extends FramedMessage {
  readonly kind: "store";
  readonly subject: string;
  readonly headers: PublishHeaders | undefined;
  readonly accepted: AcceptedPublish;
  /** False when nobody is interested: it only takes its sequence. */
  readonly isWanted: boolean;
  /** New total of the counter. */
  readonly total: string | undefined;
}

type Judgement =
  | Prepared
  | { readonly kind: "duplicate"; readonly sequence: number }
  | { readonly kind: "refuse"; readonly error: ApiError };

const NO_CONTENT: FramedMessage = { headerSizeBytes: 0, data: new Uint8Array(0) };

/** The one way into a stream: checks a message, appends it, and answers once it is durable. */
export class Ingest {
  private readonly acks: PubAcks;
  private readonly dedupe: DedupeWindow;
  private readonly atomicBatches: AtomicBatches;
  private readonly fastBatches: FastBatches;
  private republisher: Republisher | undefined;
  private transform: SubjectTransform | undefined;
  private lastMessageId = "";

  constructor(
    private config: StreamConfig,
    private readonly host: IngestHost,
  ) {
    const { bus, clock, inFlight } = host;
    this.acks = new PubAcks(bus, config.name, host.domain);
    this.dedupe = new DedupeWindow((config.duplicate_window ?? 0) / 1000);
    this.atomicBatches = new AtomicBatches({
      clock,
      inFlight,
      config: () => this.config,
      commit: (batchId, messages, answerTo) => this.commitBatch(batchId, messages, answerTo),
      abandoned: (batchId, reason) => host.batchAbandoned(batchId, reason),
    });
    this.fastBatches = new FastBatches({
      clock,
      inFlight,
      config: () => this.config,
      send: (reply, body) => this.acks.send(reply, Buffer.from(JSON.stringify(body))),
      acknowledge: (reply, { sequence, ...details }) => this.acks.acknowledge(reply, sequence, details),
      refuse: (reply, error) => this.acks.refuse(reply, error),
    });
    this.applyConfig(config);
    this.rebuildDedupe();
  }

  updateConfig(config: StreamConfig): void {
    this.config = config;
    this.dedupe.setWindow((config.duplicate_window ?? 0) / 1000);
    this.applyConfig(config);
  }

  /** Takes in a published message. */
  take(message: RoutedMessage): void {
    const answerTo = this.config.no_ack === true || message.reply === "" ? undefined : message.reply;
    const { data, headerSizeBytes } = message;
    const headers = headerSizeBytes > 0 ? readPublishHeaders(data, headerSizeBytes) : undefined;
    if (headers?.batchId !== undefined) {
      this.takeBatched({ subject: message.subject, headers, data, headerSizeBytes }, answerTo);
      return;
    }
    const subject = this.transform?.(message.subject) ?? message.subject;
    const candidate: Candidate = { subject, headers, data, headerSizeBytes, isSourced: false };
    if (answerTo !== undefined && isFastPublish(answerTo)) {
      this.fastBatches.take(answerTo, headers, () => this.storeFast(candidate));
      return;
    }
    const judgement = this.judge(candidate);
    if (judgement.kind === "store") this.store(judgement, answerTo);
    else if (answerTo === undefined) return;
    else if (judgement.kind === "refuse") this.acks.refuse(answerTo, judgement.error);
    else this.acknowledgeDuplicate(answerTo, judgement.sequence);
  }

  /**
   * Stores a message the server made itself, without an answer.
   *
   * @param options - `isSourced`: its headers were checked where it came from.
   * @returns its sequence; 0 when the stream has had it, or undefined when it is not stored.
   */
  takeInternal(
    message: FramedMessage & { readonly subject: string },
    options: { readonly isSourced: boolean },
  ): number | undefined {
    const { data, headerSizeBytes } = message;
    const headers = headerSizeBytes > 0 ? readPublishHeaders(data, headerSizeBytes) : undefined;
    const subject = this.transform?.(message.subject) ?? message.subject;
    const judgement = this.judge({ subject, headers, data, headerSizeBytes, isSourced: options.isSourced });
    if (judgement.kind === "duplicate") return 0;
    if (judgement.kind === "store") return this.store(judgement, undefined);
    const { stream, error } = { stream: this.config.name, error: judgement.error.description };
    this.host.logger.warn("a message of the server could not be stored", { stream, subject, error });
    return undefined;
  }

  /** Stores a message at the sequence it has in the stream that is mirrored. @returns whether it is stored. */
  takeMirrored(message: MirroredMessage): boolean {
    const { data, headerSizeBytes, sequence, timestampUs } = message;
    const headers = headerSizeBytes > 0 ? readPublishHeaders(data, headerSizeBytes) : undefined;
    const subject = this.transform?.(message.subject) ?? message.subject;
    // It was deduplicated and counted where it came from.
    const { messageId: _, increment: __, ...rest } = headers ?? {};
    const candidate = { subject, headers: rest, data, headerSizeBytes, isSourced: true };
    const judgement = this.judge(candidate);
    if (judgement.kind !== "store") return false;
    return this.store(judgement, undefined, { sequence, timestampUs }) !== undefined;
  }

  /** Messages up to `sequence` are durable: their publishers hear of it. */
  durable(sequence: number): void {
    this.republisher?.release(sequence);
    this.acks.release(sequence);
    this.fastBatches.durable(sequence);
  }

  /** Messages from `fromSequence` on were not stored. */
  failed(fromSequence: number, reason: string): void {
    this.dedupe.takeBack(fromSequence);
    this.republisher?.takeBack(fromSequence);
    this.lastMessageId = this.storedLastMessageId();
    this.acks.fail(fromSequence, reason);
    this.fastBatches.failed(fromSequence, apiError("StreamStoreFailed", { err: reason }));
  }

  close(): void {
    this.atomicBatches.close();
    this.fastBatches.close();
  }

  private applyConfig(config: StreamConfig): void {
    const { republish, subject_transform: transform } = config;
    this.republisher =
      republish === undefined ? undefined : new Republisher(this.host.bus, config.name, republish);
    this.transform =
      transform === undefined ? undefined : compileSubjectTransform(transform.src, transform.dest);
  }

  /** Checks a message, in the order of nats-server. @param batch - the part of its batch in front of it. */
  private judge(candidate: Candidate, batch?: StagedBatch): Judgement {
    const { headers } = candidate;
    if (this.config.sealed) return refuse(apiError("StreamSealed"));
    const verdict =
      headers === undefined && this.config.allow_msg_counter !== true ? ACCEPT : this.check(candidate, batch);
    if (verdict.kind !== "accept") return verdict;
    const counted = this.count(candidate, verdict, batch);
    if ("err_code" in counted) return refuse(counted);
    const message = verdict.isSchedule === true ? asSchedule(counted, headers) : counted;
    const { subject } = candidate;
    const error = sizeRefusal(message, this.config);
    if (error !== undefined) return refuse(error);
    const isWanted = this.config.retention !== "interest" || this.host.hasInterest(subject);
    if (!isWanted)
      return {
        kind: "store",
        subject,
        headers,
        accepted: verdict,
        isWanted,
        total: undefined,
        ...NO_CONTENT,
      };
    const lasting = this.withLastingTtl(message, headers);
    if ("err_code" in lasting) return refuse(lasting);
    const noRoom = this.roomRefusal({ subject, rollsUp: verdict.rollup !== undefined, ...lasting }, batch);
    if (noRoom !== undefined) return refuse(noRoom);
    const { total } = counted;
    const { headerSizeBytes, data } = lasting;
    return { kind: "store", subject, headers, accepted: verdict, isWanted, total, headerSizeBytes, data };
  }

  private check(candidate: Candidate, batch: StagedBatch | undefined): PublishVerdict {
    const { headers = {} } = candidate;
    const facts = this.factsFor(candidate, batch);
    const error = batch?.refusal(headers, facts);
    return error === undefined ? checkPublish(headers, this.config, facts) : { kind: "refuse", error };
  }

  private count(
    candidate: Candidate,
    { increment }: AcceptedPublish,
    batch: StagedBatch | undefined,
  ): (FramedMessage & { readonly total: string | undefined }) | ApiError {
    if (increment === undefined) {
      return { headerSizeBytes: candidate.headerSizeBytes, data: candidate.data, total: undefined };
    }
    const { subject, headers } = candidate;
    const last = batch?.last(subject) ?? lastReadable(this.host.messages, subject);
    const streamSource = headers?.streamSource;
    const counted = countMessage(candidate, { increment, streamSource }, last);
    if ("err_code" in counted) return counted;
    if (counted.message.data.length > this.host.maxPayloadBytes)
      return apiError("StreamMessageExceedsMaximum");
    return { ...counted.message, total: counted.total };
  }

  private roomRefusal(
    request: FramedMessage & { readonly subject: string; readonly rollsUp: boolean },
    batch: StagedBatch | undefined,
  ): ApiError | undefined {
    const taken = batch?.taken;
    const refusal = this.host.resourceRefusal(roomOf(request) + (taken?.bytes ?? 0));
    if (refusal !== undefined) return refusal;
    return fullRefusal(
      this.host.messages,
      this.config,
      taken === undefined ? { request } : { request, taken },
    );
  }

  /**
   * A message whose TTL is no shorter than that of delete markers: otherwise the one of its subject could be there
   * still when the message goes.
   */
  private withLastingTtl(
    message: FramedMessage,
    headers: PublishHeaders | undefined,
  ): FramedMessage | ApiError {
    if (headers?.ttl === undefined) return message;
    const ttl = parseMessageTtl(headers.ttl);
    if (ttl === undefined) return apiError("MessageTTLInvalid");
    const least = (this.config.subject_delete_marker_ttl ?? 0) / 1e9;
    if (typeof ttl !== "number" || ttl === 0 || ttl >= Math.floor(least)) return message;
    if (this.config.max_msgs_per_subject === 1) return message;
    return withHeader(message, JETSTREAM_HEADERS.ttl, String(Math.floor(least)));
  }

  /** Stores a message. Without interest, where that is asked for, it only takes its sequence. */
  private store(
    message: Prepared,
    answerTo: string | undefined,
    at?: { readonly sequence: number; readonly timestampUs: number },
  ): number | undefined {
    const { messages, clock } = this.host;
    const { subject, headerSizeBytes, data, total } = message;
    const timestampUs = at === undefined ? clock.nowUs() : at.timestampUs;
    let sequence: number;
    try {
      // No spread: it costs as much as all of the rest.
      sequence =
        at === undefined
          ? messages.append({ subject, timestampUs, headerSizeBytes, data })
          : messages.append({ sequence: at.sequence, subject, timestampUs, headerSizeBytes, data });
    } catch (error) {
      const apiError = this.storeFailed(error);
      if (answerTo !== undefined) this.acks.refuse(answerTo, apiError);
      return undefined;
    }
    if (answerTo !== undefined)
      this.acks.add(answerTo, sequence, total === undefined ? undefined : { val: total });
    this.stored(message, sequence, timestampUs);
    return sequence;
  }

  private storeFailed(error: unknown): ApiError {
    this.host.logger.error("a message could not be stored", { stream: this.config.name, error });
    return apiErrorOf(error, "StreamStoreFailed");
  }

  /** Does what follows from a message that was appended. */
  private stored(message: Prepared, sequence: number, timestampUs: number): void {
    const { messages } = this.host;
    const { subject, headers, accepted, headerSizeBytes, data } = message;
    this.lastMessageId = accepted.messageId;
    if (accepted.messageId !== "") this.dedupe.add(accepted.messageId, sequence, timestampUs);
    const stored = { sequence, timestampUs, subject, headerSizeBytes, data };
    if (message.isWanted) {
      if (this.republisher !== undefined)
        this.republisher.add(stored, lastReadable(messages, subject, sequence - 1)?.sequence ?? 0);
      this.host.appended(stored, headers);
    } else messages.remove(sequence);
    if (accepted.rollup !== undefined)
      this.host.rollUp(accepted.rollup === "sub" ? subject : undefined, message.isWanted ? 1 : 0);
    if (accepted.endsSchedule !== undefined) this.host.purgeSubject(accepted.endsSchedule);
  }

  private storeFast(candidate: Candidate): FastResult {
    const judgement = this.judge(candidate);
    if (judgement.kind === "duplicate") return judgement;
    if (judgement.kind === "refuse") return { kind: "refused", error: judgement.error };
    const sequence = this.store(judgement, undefined);
    return sequence === undefined
      ? { kind: "refused", error: apiError("StreamStoreFailed", { err: "store unavailable" }) }
      : { kind: "stored", sequence };
  }

  private takeBatched(message: BatchedMessage, answerTo: string | undefined): void {
    const sealed = this.config.sealed ? apiError("StreamSealed") : sizeRefusal(message, this.config);
    const outcome = sealed ?? this.atomicBatches.take(message, answerTo);
    if (answerTo === undefined || outcome === "committed") return;
    if (outcome === "staged") this.acks.send(answerTo, NO_CONTENT.data);
    else this.acks.refuse(answerTo, outcome);
  }

  private commitBatch(
    batchId: string,
    messages: readonly BatchedMessage[],
    answerTo: string | undefined,
  ): ApiError | undefined {
    const batch = new StagedBatch();
    const prepared: Prepared[] = [];
    for (const message of messages) {
      const subject = this.transform?.(message.subject) ?? message.subject;
      const judgement = this.judge({ ...message, subject, isSourced: false }, batch);
      if (judgement.kind === "duplicate") return apiError("AtomicPublishContainsDuplicateMessage");
      if (judgement.kind === "refuse") return judgement.error;
      const { messageId, isSchedule = false } = judgement.accepted;
      batch.add(judgement, { subject, messageId, isSchedule, sizeBytes: roomOf(judgement) });
      prepared.push(judgement);
    }
    const timestampUs = this.host.clock.nowUs();
    let first: number;
    try {
      first = this.host.messages.appendBatch(prepared.map((message) => ({ ...message, timestampUs })));
    } catch (error) {
      return this.storeFailed(error);
    }
    if (answerTo !== undefined)
      this.acks.add(answerTo, first + prepared.length - 1, { batchId, count: prepared.length });
    prepared.forEach((message, index) => {
      this.stored(message, first + index, timestampUs);
    });
    return undefined;
  }

  private acknowledgeDuplicate(answerTo: string, sequence: number): void {
    const { messages } = this.host;
    this.acks.addDuplicate(answerTo, sequence, messages.state().lastSequence);
    this.acks.release(messages.durableSequence);
  }

  private factsFor(candidate: Candidate, batch: StagedBatch | undefined): PublishFacts {
    const { messages, clock } = this.host;
    const { subject, isSourced, data, headerSizeBytes } = candidate;
    const nowUs = clock.nowUs();
    const facts: PublishFacts = {
      subject,
      isSourced,
      nowUs,
      payloadSizeBytes: data.length - headerSizeBytes,
      lastSequence: messages.state().lastSequence,
      lastMessageId: () => this.lastMessageId,
      lastSubjectSequence: (other) => messages.last(other)?.sequence ?? 0,
      duplicateOf: (messageId) => this.dedupe.find(messageId, nowUs),
      hasSchedule: (other) => hasPattern(lastReadable(messages, other)),
    };
    return batch?.factsOver(facts) ?? facts;
  }

  /** Reads the ids of the last messages back from the log, so that the window spans a restart. */
  private rebuildDedupe(): void {
    const { messages, clock } = this.host;
    const { lastSequence } = messages.state();
    const windowStartUs = clock.nowUs() - (this.config.duplicate_window ?? 0) / 1000;
    for (let sequence = messages.sequenceAt(windowStartUs); sequence <= lastSequence; sequence++) {
      const message = readable(messages, sequence);
      if (message === undefined || message.headerSizeBytes === 0) continue;
      const messageId = readPublishHeaders(message.data, message.headerSizeBytes)?.messageId;
      if (messageId !== undefined) this.dedupe.add(messageId, sequence, message.timestampUs);
    }
    this.lastMessageId = this.storedLastMessageId();
  }

  private storedLastMessageId(): string {
    const { messages } = this.host;
    const last = readable(messages, messages.state().lastSequence);
    if (last === undefined || last.headerSizeBytes === 0) return "";
    return readPublishHeaders(last.data, last.headerSizeBytes)?.messageId ?? "";
  }
}

function refuse(error: ApiError): Judgement {
  return { kind: "refuse", error };
}

function hasPattern(message: StoredMessage | undefined): boolean | undefined {
  if (message === undefined) return undefined;
  return (getHeader(message.data, JETSTREAM_HEADERS.schedule, message.headerSizeBytes) ?? "") !== "";
}

/** A schedule says itself that it replaces the one before it. */
function asSchedule(message: FramedMessage, headers: PublishHeaders | undefined): FramedMessage {
  return headers?.rollup === undefined ? withHeaders(message, [[JETSTREAM_HEADERS.rollup, "sub"]]) : message;
}

function withHeader(message: FramedMessage, name: string, value: string): FramedMessage {
  const { data, headerSizeBytes } = message;
  const block = setHeaders(data.subarray(0, headerSizeBytes), [[name, value]]);
  return { headerSizeBytes: block.length, data: Buffer.concat([block, data.subarray(headerSizeBytes)]) };
}
