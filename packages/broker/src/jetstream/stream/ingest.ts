import type { Clock, Logger } from "@ganglion/kernel";
import { type ApiError, apiError, STREAM_DEFAULTS, type StreamConfig } from "@ganglion/protocol";
import { accountedSizeBytes, type MessageStore, type StoredMessage } from "@ganglion/store";
import type { AccountBus, RoutedMessage } from "../account-bus.js";
import { apiErrorOf } from "../api/api-fault.js";
import { DedupeWindow } from "./dedupe-window.js";
import { PubAcks } from "./pub-acks.js";
import { ACCEPT, checkPublish, type PublishFacts, type PublishVerdict } from "./publish-checks.js";
import { readPublishHeaders } from "./publish-headers.js";
import { Republisher } from "./republish.js";
import { compileSubjectTransform, type SubjectTransform } from "./subject-transform.js";
import type { FramedMessage } from "./with-headers.js";

/** What {@link Ingest} needs of its stream. */
export interface IngestHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly domain: string | undefined;
  readonly messages: MessageStore;
  /** Whether some consumer takes messages of `subject`. */
  hasInterest(subject: string): boolean;
  /** A message was appended; it is not durable yet. */
  appended(sequence: number, subject: string): void;
  /** Why the account or server has no room for `sizeBytes` more. */
  resourceRefusal(sizeBytes: number): ApiError | undefined;
  /** Removes what a rollup replaces: all older messages, or with `subject` those of the subject. */
  rollUp(subject: string | undefined): void;
}

/** Why a message does not fit, in nats-server's words. Source: store.go `ErrMaxMsgs` and neighbours. */
const FULL = {
  messages: "maximum messages exceeded",
  bytes: "maximum bytes exceeded",
  messagesPerSubject: "maximum messages per subject exceeded",
} as const;

/** What is known of a message when it is stored. */
interface Accepted {
  readonly subject: string;
  readonly answerTo: string | undefined;
  /** Empty when it has none. */
  readonly messageId: string;
  readonly rollup: "sub" | "all" | undefined;
}

const NO_CONTENT: FramedMessage = { headerSizeBytes: 0, data: new Uint8Array(0) };

/** The one way into a stream: checks a message, appends it, and answers once it is durable. */
export class Ingest {
  private readonly acks: PubAcks;
  private readonly dedupe: DedupeWindow;
  private republisher: Republisher | undefined;
  private transform: SubjectTransform | undefined;
  private lastMessageId = "";

  constructor(
    private config: StreamConfig,
    private readonly host: IngestHost,
  ) {
    this.acks = new PubAcks(host.bus, config.name, host.domain);
    this.dedupe = new DedupeWindow((config.duplicate_window ?? 0) / 1000);
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
    const subject = this.transform?.(message.subject) ?? message.subject;
    const verdict = this.judge(message, subject);
    if (verdict.kind === "accept") this.accept(message, { subject, answerTo, ...verdict });
    else if (answerTo === undefined) return;
    else if (verdict.kind === "refuse") this.acks.refuse(answerTo, verdict.error);
    else this.acknowledgeDuplicate(answerTo, verdict.sequence);
  }

  /** Messages up to `sequence` are durable: their publishers hear of it. */
  durable(sequence: number): void {
    this.republisher?.release(sequence);
    this.acks.release(sequence);
  }

  /** Messages from `fromSequence` on were not stored. */
  failed(fromSequence: number, reason: string): void {
    this.dedupe.takeBack(fromSequence);
    this.republisher?.takeBack(fromSequence);
    this.lastMessageId = this.storedLastMessageId();
    this.acks.fail(fromSequence, reason);
  }

  private applyConfig(config: StreamConfig): void {
    const { republish, subject_transform: transform } = config;
    this.republisher =
      republish === undefined ? undefined : new Republisher(this.host.bus, config.name, republish);
    this.transform =
      transform === undefined ? undefined : compileSubjectTransform(transform.src, transform.dest);
  }

  /** Checks a message, in the order of nats-server. */
  private judge({ headerSizeBytes, data }: RoutedMessage, subject: string): PublishVerdict {
    if (this.config.sealed) return { kind: "refuse", error: apiError("StreamSealed") };
    const headers = headerSizeBytes > 0 ? readPublishHeaders(data, headerSizeBytes) : undefined;
    const verdict =
      headers === undefined ? ACCEPT : checkPublish(headers, this.config, this.factsFor(subject));
    if (verdict.kind !== "accept") return verdict;
    const error = this.sizeRefusal(headerSizeBytes, data.length);
    return error === undefined ? verdict : { kind: "refuse", error };
  }

  /** Stores a message. Without interest, where that is asked for, it only takes its sequence. */
  private accept(message: RoutedMessage, accepted: Accepted): void {
    const { subject, answerTo, rollup } = accepted;
    const isWanted = this.config.retention !== "interest" || this.host.hasInterest(subject);
    const noRoom = isWanted ? this.roomRefusal(message, accepted) : undefined;
    if (noRoom !== undefined) {
      if (answerTo !== undefined) this.acks.refuse(answerTo, noRoom);
      return;
    }
    const sequence = this.append(isWanted ? message : NO_CONTENT, accepted);
    if (sequence === undefined) return;
    if (!isWanted) this.host.messages.remove(sequence);
    else if (rollup !== undefined) this.host.rollUp(rollup === "sub" ? subject : undefined);
  }

  private append(message: FramedMessage, { subject, messageId, answerTo }: Accepted): number | undefined {
    const { messages, clock } = this.host;
    const { headerSizeBytes, data } = message;
    const timestampUs = clock.nowUs();
    const lastSubjectSequence = this.republisher === undefined ? 0 : this.lastSubjectSequence(subject);
    let sequence: number;
    try {
      sequence = messages.append({ subject, timestampUs, headerSizeBytes, data });
    } catch (error) {
      this.host.logger.error("a message could not be stored", { stream: this.config.name, error });
      if (answerTo !== undefined) this.acks.refuse(answerTo, apiErrorOf(error, "StreamStoreFailed"));
      return undefined;
    }
    this.lastMessageId = messageId;
    if (messageId !== "") this.dedupe.add(messageId, sequence, timestampUs);
    if (answerTo !== undefined) this.acks.add(answerTo, sequence);
    if (message === NO_CONTENT) return sequence;
    this.republisher?.add({ sequence, timestampUs, subject, headerSizeBytes, data }, lastSubjectSequence);
    this.host.appended(sequence, subject);
    return sequence;
  }

  private acknowledgeDuplicate(answerTo: string, sequence: number): void {
    const { messages } = this.host;
    this.acks.addDuplicate(answerTo, sequence, messages.state().lastSequence);
    this.acks.release(messages.durableSequence);
  }

  private factsFor(subject: string): PublishFacts {
    return {
      lastSequence: this.host.messages.state().lastSequence,
      lastMessageId: () => this.lastMessageId,
      lastSubjectSequence: (other) => this.lastSubjectSequence(other ?? subject),
      duplicateOf: (messageId) => this.dedupe.find(messageId, this.host.clock.nowUs()),
    };
  }

  private lastSubjectSequence(subject: string): number {
    return this.host.messages.last(subject)?.sequence ?? 0;
  }

  private sizeRefusal(headerSizeBytes: number, sizeBytes: number): ApiError | undefined {
    const { max_msg_size: maxSizeBytes } = this.config;
    if (maxSizeBytes >= 0 && sizeBytes > maxSizeBytes) return apiError("StreamMessageExceedsMaximum");
    return headerSizeBytes > STREAM_DEFAULTS.maxHeaderSizeBytes
      ? apiError("StreamHeaderExceedsMaximum")
      : undefined;
  }

  private roomRefusal(message: RoutedMessage, { subject, rollup }: Accepted): ApiError | undefined {
    const sizeBytes = accountedSizeBytes(
      Buffer.byteLength(subject),
      message.headerSizeBytes,
      message.data.length,
    );
    const refusal = this.host.resourceRefusal(sizeBytes);
    if (refusal !== undefined || this.config.discard !== "new") return refusal;
    // What a rollup displaces is gone right after.
    const reason = rollup === undefined ? this.fullReason(subject, sizeBytes) : undefined;
    return reason === undefined ? undefined : apiError("StreamStoreFailed", { err: reason });
  }

  /**
   * Why a stream that discards new messages is full. A message that displaces one of its subject that is as large
   * needs no further place. Source: nats-server filestore.go `storeRawMsg`.
   */
  private fullReason(subject: string, sizeBytes: number): string | undefined {
    const { messages } = this.host;
    const { max_msgs, max_bytes, max_msgs_per_subject: perSubject } = this.config;
    const [held] = perSubject > 0 ? messages.subjects(subject) : [];
    const displaces = held !== undefined && held.count >= perSubject;
    if (displaces && this.config.discard_new_per_subject === true) return FULL.messagesPerSubject;
    const state = messages.state();
    if (max_msgs > 0 && state.messages >= max_msgs && !displaces) return FULL.messages;
    if (max_bytes <= 0 || state.bytes + sizeBytes <= max_bytes) return undefined;
    return displaces && this.accountedSizeOf(held.firstSequence) >= sizeBytes ? undefined : FULL.bytes;
  }

  private accountedSizeOf(sequence: number): number {
    const message = this.readable(sequence);
    if (message === undefined) return 0;
    const { subject, headerSizeBytes, data } = message;
    return accountedSizeBytes(Buffer.byteLength(subject), headerSizeBytes, data.length);
  }

  /** Reads the ids of the last messages back from the log, so that the window spans a restart. */
  private rebuildDedupe(): void {
    const { messages, clock } = this.host;
    const { lastSequence } = messages.state();
    const windowStartUs = clock.nowUs() - (this.config.duplicate_window ?? 0) / 1000;
    for (let sequence = messages.sequenceAt(windowStartUs); sequence <= lastSequence; sequence++) {
      const message = this.readable(sequence);
      if (message === undefined || message.headerSizeBytes === 0) continue;
      const messageId = readPublishHeaders(message.data, message.headerSizeBytes)?.messageId;
      if (messageId !== undefined) this.dedupe.add(messageId, sequence, message.timestampUs);
    }
    this.lastMessageId = this.storedLastMessageId();
  }

  private storedLastMessageId(): string {
    const last = this.readable(this.host.messages.state().lastSequence);
    if (last === undefined || last.headerSizeBytes === 0) return "";
    return readPublishHeaders(last.data, last.headerSizeBytes)?.messageId ?? "";
  }

  /** A message whose bytes are whole. The store reports the others by itself. */
  private readable(sequence: number): StoredMessage | undefined {
    try {
      return this.host.messages.read(sequence);
    } catch {
      return undefined;
    }
  }
}
