import { randomUUID } from "node:crypto";
import type { Clock, Logger, Timer } from "@ganglion/kernel";
import {
  API_PREFIX,
  type ApiError,
  apiError,
  decodeHeaders,
  encodeHeaders,
  JETSTREAM_HEADERS,
  type StreamSourceConfig,
} from "@ganglion/protocol";
import type { AccountBus, RoutedMessage } from "../account-bus.js";
import { type DeliveryPosition, parseDeliveryReply } from "./delivery-reply.js";
import { originRequest, originSubject, type StartPoint } from "./origin-request.js";

/** What {@link OriginLink} needs of the stream that copies. */
export interface OriginLinkHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Kind of the copy: a mirror or a source, in names and subjects. */
  readonly kind: "M" | "S";
  readonly copyName: string;
  readonly accountName: string;
  readonly domain: string | undefined;
  /** Where the copy goes on. */
  start(): StartPoint;
  /** The origin has nothing up to `sequence` for this copy. */
  begun(sequence: number): void;
  /** Takes a message. @returns false when it could not be stored: it has to come again. */
  take(message: RoutedMessage, position: DeliveryPosition): boolean;
  /** Calls `callback` when everything taken so far is durable. */
  whenDurable(callback: () => void): void;
}

/** How long the origin may take to answer. Source: nats-server stream.go `srcConsumerWaitTime`. */
const ANSWER_MS = 30_000;
/** A link that hears nothing for so long, heartbeats neither, is made anew. */
const SILENCE_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 120_000;

interface Connected {
  readonly consumer: string;
  readonly stop: () => void;
  /** Last delivery that was taken. */
  consumerSequence: number;
  streamSequence: number;
}

/**
 * Reads another stream from where the copy ends, through a consumer that delivers to this broker. The origin may be
 * in this account, or in another account or domain: it is only spoken to through subjects. A gap, a heartbeat that
 * tells of messages which did not come, or silence make it begin again where the copy ends.
 *
 * Source: nats-server stream.go `setupMirrorConsumer`, `trySetupSourceConsumer`.
 */
export class OriginLink {
  /** Messages the origin has and the copy has not. */
  lag = 0;
  error: ApiError | undefined;
  private lastHeardMs: number | undefined;
  private connected: Connected | undefined;
  private stopAsking: (() => void) | undefined;
  private retryTimer: Timer | undefined;
  private silenceTimer: Timer | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    readonly config: StreamSourceConfig,
    private readonly host: OriginLinkHost,
  ) {}

  /** Nanoseconds since something came from the origin; -1 when nothing ever did. */
  get activeNs(): number {
    if (this.lastHeardMs === undefined) return -1;
    return Math.round((this.host.clock.monotonicMs() - this.lastHeardMs) * 1e6);
  }

  /** Connects, or connects again from where the copy ends now. */
  restart(): void {
    this.disconnect();
    if (this.closed) return;
    this.ask();
  }

  /** The origin may be there now. */
  retrySoon(): void {
    if (this.closed || this.connected !== undefined || this.retryTimer === undefined) return;
    this.failures = 0;
    this.restart();
  }

  close(): void {
    this.closed = true;
    this.disconnect();
  }

  private ask(): void {
    const { bus, clock, kind, copyName, accountName, domain } = this.host;
    const id = randomUUID().replaceAll("-", "").slice(0, 12);
    const deliverSubject = originSubject(this.config, kind, id);
    const request = originRequest(this.config, {
      kind,
      id,
      deliverSubject,
      copy: { name: copyName, accountName, domain },
      start: this.host.start(),
    });
    const reply = `_INBOX.${randomUUID()}`;
    // Listening first: the consumer only delivers while somebody does.
    const early: RoutedMessage[] = [];
    let isConnected = false;
    const stopDeliveries = bus.subscribe(deliverSubject, (message) => {
      if (isConnected) this.deliver(message);
      else early.push({ ...message, data: Buffer.from(message.data) });
    });
    const stopAnswers = bus.subscribe(reply, (message) => {
      this.stopAsking?.();
      this.stopAsking = undefined;
      const answer = answerOf(message, this.config, kind);
      if ("err_code" in answer) {
        stopDeliveries();
        this.fail(answer);
        return;
      }
      isConnected = true;
      this.connect(answer, stopDeliveries);
      // What the answer takes for delivered may be among what came before it.
      const first = early.map(sequenceOf).find((sequence) => sequence !== undefined);
      this.host.begun(first === undefined ? answer.streamSequence : first - 1);
      for (const message of early) this.deliver(message);
    });
    const timeout = clock.schedule(ANSWER_MS, () => {
      this.stopAsking?.();
      stopDeliveries();
      this.fail(setupFailed(kind, "no answer from the origin"));
    });
    this.stopAsking = () => {
      stopAnswers();
      timeout.cancel();
    };
    const delivered = bus.publish({ ...request, reply, headerSizeBytes: 0 });
    if (delivered > 0 || this.stopAsking === undefined) return;
    this.stopAsking();
    this.stopAsking = undefined;
    stopDeliveries();
    this.fail(setupFailed(kind, "nobody answers for the origin"));
  }

  private connect({ consumer }: OriginAnswer, stop: () => void): void {
    this.error = undefined;
    this.failures = 0;
    this.connected = { consumer, stop, consumerSequence: 0, streamSequence: 0 };
    this.heard();
    this.watchSilence();
  }

  private deliver(message: RoutedMessage): void {
    const { connected } = this;
    if (connected === undefined) return;
    this.heard();
    const position = message.reply === undefined ? undefined : parseDeliveryReply(message.reply);
    if (position === undefined) {
      this.control(message, connected);
      return;
    }
    if (position.consumer !== connected.consumer || position.deliveries > 1) return;
    if (position.consumerSequence <= connected.consumerSequence) return;
    if (position.consumerSequence !== connected.consumerSequence + 1) {
      this.later(0); // some are missing
      return;
    }
    if (!this.host.take(message, position)) {
      this.later(FIRST_RETRY_MS);
      return;
    }
    connected.consumerSequence = position.consumerSequence;
    connected.streamSequence = position.streamSequence;
    this.lag = Math.max(0, position.pending);
  }

  /** Flow control has a reply, a heartbeat has none. */
  private control({ reply, headerSizeBytes, data }: RoutedMessage, connected: Connected): void {
    if (headerSizeBytes === 0) return;
    const headers = new Map(decodeHeaders(data, headerSizeBytes).entries);
    const stalled = headers.get(JETSTREAM_HEADERS.consumerStalled);
    if (reply !== undefined) this.answerFlowControl(reply, connected);
    else if (stalled !== undefined) this.answerFlowControl(stalled, connected);
    const last = Number(headers.get(JETSTREAM_HEADERS.lastConsumer) ?? 0);
    if (reply === undefined && last > connected.consumerSequence) this.later(0);
  }

  /** Lets the origin send on when what it has sent is durable here, and tells it so. */
  private answerFlowControl(subject: string, { consumerSequence, streamSequence }: Connected): void {
    const data =
      streamSequence === 0
        ? new Uint8Array(0)
        : encodeHeaders({
            entries: [
              [JETSTREAM_HEADERS.lastConsumer, String(consumerSequence)],
              [JETSTREAM_HEADERS.lastStream, String(streamSequence)],
            ],
          });
    this.host.whenDurable(() => {
      this.host.bus.publish({ subject, headerSizeBytes: data.length, data });
    });
  }

  private fail(error: ApiError): void {
    this.error = error;
    this.failures++;
    this.later(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1)));
  }

  /** Begins again after a while. */
  private later(delayMs: number): void {
    this.disconnect();
    if (this.closed) return;
    this.retryTimer = this.host.clock.schedule(Math.max(1, delayMs), () => {
      this.retryTimer = undefined;
      this.restart();
    });
  }

  private heard(): void {
    this.lastHeardMs = this.host.clock.monotonicMs();
  }

  private watchSilence(): void {
    const { clock } = this.host;
    const silentMs = clock.monotonicMs() - (this.lastHeardMs ?? 0);
    this.silenceTimer = clock.schedule(Math.max(1, SILENCE_MS - silentMs), () => {
      if (clock.monotonicMs() - (this.lastHeardMs ?? 0) >= SILENCE_MS) this.later(0);
      else this.watchSilence();
    });
  }

  private disconnect(): void {
    this.stopAsking?.();
    this.stopAsking = undefined;
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
    this.silenceTimer?.cancel();
    this.connected?.stop();
    const consumer = this.connected?.consumer;
    this.connected = undefined;
    if (consumer === undefined || this.config.consumer !== undefined) return;
    // It would go by itself, after its inactive threshold.
    const api = this.config.external?.api ?? API_PREFIX.slice(0, -1);
    const subject = `${api}.CONSUMER.DELETE.${this.config.name}.${consumer}`;
    this.host.bus.publish({ subject, headerSizeBytes: 0, data: new Uint8Array(0) });
  }
}

function sequenceOf({ reply }: RoutedMessage): number | undefined {
  return reply === undefined ? undefined : parseDeliveryReply(reply)?.streamSequence;
}

interface OriginAnswer {
  readonly consumer: string;
  /** What the consumer takes for delivered when it begins. */
  readonly streamSequence: number;
}

function answerOf(
  { data, headerSizeBytes }: RoutedMessage,
  { consumer }: StreamSourceConfig,
  kind: "M" | "S",
): OriginAnswer | ApiError {
  if (data.length === headerSizeBytes) return setupFailed(kind, "nobody answers for the origin");
  try {
    const json = Buffer.from(data.subarray(headerSizeBytes)).toString();
    const answer = JSON.parse(json) as {
      error?: ApiError;
      name?: string;
      config?: { ack_policy?: string };
      delivered?: { stream_seq?: number };
    };
    if (answer.error !== undefined) return answer.error;
    if (answer.name === undefined) return setupFailed(kind, "invalid consumer create response");
    if (consumer !== undefined && answer.config?.ack_policy !== "flow_control")
      return apiError(kind === "M" ? "MirrorConsumerRequiresAckFC" : "SourceConsumerRequiresAckFC");
    return { consumer: answer.name, streamSequence: answer.delivered?.stream_seq ?? 0 };
  } catch {
    return setupFailed(kind, "invalid consumer create response");
  }
}

function setupFailed(kind: "M" | "S", err: string): ApiError {
  return apiError(kind === "M" ? "MirrorConsumerSetupFailed" : "SourceConsumerSetupFailed", { err });
}
