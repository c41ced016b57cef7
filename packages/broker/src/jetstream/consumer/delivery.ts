import type { Timer } from "@ganglion/kernel";
import { ackSubject, type ConsumerConfig, JETSTREAM_HEADERS } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import { withHeaders } from "../stream/with-headers.js";
import type { ConsumerHost } from "./consumer-host.js";
import type { Cursor } from "./cursor.js";
import type { DeliveryTarget } from "./delivery-target.js";
import { headersOnly } from "./headers-only.js";
import type { PendingAcks } from "./pending-acks.js";
import { RateLimit } from "./rate-limit.js";
import { ReplayPace } from "./replay-pace.js";

/** After this many messages or bytes a consumer lets others run and asks whether its subscriber keeps up. */
const TURN_MESSAGES = 512;
const TURN_BYTES = 512 * 1024;

/** What {@link Delivery} is made with. */
export interface DeliveryOptions {
  readonly host: ConsumerHost;
  readonly cursor: Cursor;
  readonly acks: PendingAcks;
  readonly target: DeliveryTarget;
  readonly config: ConsumerConfig;
  /** `$JS.ACK.<stream>.<consumer>.` */
  readonly ackPrefix: string;
  /** Asks for another turn. */
  wake(): void;
  /** A message went out that wants no acknowledgement. */
  sentUnacknowledged(streamSequence: number): void;
}

/** Why a turn ended. */
type TurnEnd = "idle" | "stalled" | "budget" | "held";

/** Brings a consumer's messages to its target: redeliveries first, then what is new. */
export class Delivery {
  private config: ConsumerConfig;
  private readonly pace: ReplayPace | undefined;
  private rateLimit: RateLimit | undefined;
  private heldTimer: Timer | undefined;
  private waitsForRoom = false;
  private closed = false;
  /** True while a message is on its way through the router. */
  sending = false;

  constructor(private readonly options: DeliveryOptions) {
    this.config = options.config;
    if (options.config.replay_policy === "original") {
      this.pace = new ReplayPace(options.host.messages.state().lastSequence);
    }
    this.setRateLimit();
  }

  updateConfig(config: ConsumerConfig): void {
    const changed = config.rate_limit_bps !== this.config.rate_limit_bps;
    this.config = config;
    if (changed) this.setRateLimit();
  }

  close(): void {
    this.closed = true;
    this.heldTimer?.cancel();
  }

  /** Delivers what can be delivered now. */
  run(): void {
    if (this.waitsForRoom || this.closed) return;
    const end = this.turn();
    const { target, cursor } = this.options;
    // Messages that are not durable yet are still to come: that is no end of the stream.
    if (end === "idle") target.idle(cursor.pendingCount === 0);
    else if (end === "stalled") target.idle(false);
  }

  private turn(): TurnEnd {
    const { acks, target } = this.options;
    let messages = 0;
    let bytes = 0;
    while (target.isReady && !this.closed) {
      const redelivery = acks.nextRedeliverySequence();
      if (redelivery === undefined && acks.isFull) return "stalled";
      const message = this.read(redelivery);
      if (message === undefined) {
        if (redelivery !== undefined) continue;
        return "idle";
      }
      if (this.isHeld(message)) return "held";
      const sizeBytes = this.send(message, redelivery !== undefined);
      if (sizeBytes === undefined) {
        if (target.isBlocked) return "stalled";
        continue;
      }
      messages++;
      bytes += sizeBytes;
      if (messages >= TURN_MESSAGES || bytes >= TURN_BYTES) return this.endTurn();
    }
    return "idle";
  }

  /** Goes on when the subscriber's connection has room. */
  private endTurn(): TurnEnd {
    const { host, target, wake } = this.options;
    const subject = target.subjectFor(0);
    if (subject === undefined) return "idle";
    this.waitsForRoom = true;
    host.bus.whenWritable(subject, () => {
      this.waitsForRoom = false;
      wake();
    });
    return "budget";
  }

  /** The next message. One whose bytes are corrupt is passed over; a redelivery may be gone. */
  private read(redelivery: number | undefined): StoredMessage | undefined {
    const { host, cursor, acks } = this.options;
    for (;;) {
      try {
        if (redelivery === undefined) return cursor.peek();
        const message = host.messages.read(redelivery);
        if (message === undefined) acks.removed(redelivery);
        return message;
      } catch (error) {
        host.logger.error("a message cannot be read and is passed over", { stream: host.config.name, error });
        if (redelivery !== undefined) {
          acks.removed(redelivery);
          return undefined;
        }
        cursor.passOver();
      }
    }
  }

  /** Whether the replay pace or the rate limit holds `message` back; a timer goes on then. */
  private isHeld(message: StoredMessage): boolean {
    const { clock } = this.options.host;
    const nowMs = clock.monotonicMs();
    const delayMs = Math.max(this.pace?.delayMs(message, nowMs) ?? 0, this.rateLimit?.delayMs(nowMs) ?? 0);
    if (delayMs <= 0) return false;
    this.heldTimer?.cancel();
    this.heldTimer = clock.schedule(delayMs, () => this.options.wake());
    return true;
  }

  /** Sends one message. @returns its size; undefined when it could not be sent. */
  private send(message: StoredMessage, isRedelivery: boolean): number | undefined {
    const { host, cursor, acks, target } = this.options;
    const entry = isRedelivery ? acks.pending.get(message.sequence) : undefined;
    const reply = ackSubject(this.options.ackPrefix, {
      deliveries: (entry?.deliveries ?? 0) + 1,
      streamSequence: message.sequence,
      consumerSequence: acks.delivered.consumer + 1,
      timestampUs: message.timestampUs,
      pending: Math.max(0, cursor.pendingCount - (isRedelivery ? 0 : 1)),
    });
    const framed = this.config.headers_only === true ? headersOnly(message) : message;
    const sizeBytes = message.subject.length + reply.length + framed.data.length;
    const subject = target.subjectFor(sizeBytes);
    if (subject === undefined) return undefined;
    const { pinId } = target;
    const { headerSizeBytes, data } =
      pinId === undefined ? framed : withHeaders(framed, [[JETSTREAM_HEADERS.pinId, pinId]]);
    this.sending = true;
    const receivers = host.bus.publish({ subject, deliverAs: message.subject, reply, headerSizeBytes, data });
    this.sending = false;
    if (receivers === 0) {
      target.undeliverable();
      return undefined;
    }
    acks.sent(message.sequence, entry);
    if (!isRedelivery) cursor.advance(message);
    target.delivered(sizeBytes);
    this.pace?.delivered(message);
    this.rateLimit?.take(sizeBytes, host.clock.monotonicMs());
    if (this.config.ack_policy === "none") this.options.sentUnacknowledged(message.sequence);
    return sizeBytes;
  }

  private setRateLimit(): void {
    const bitsPerSecond = this.config.rate_limit_bps ?? 0;
    const { clock, config, maxPayloadBytes } = this.options.host;
    const burstBytes = config.max_msg_size > 0 ? config.max_msg_size : maxPayloadBytes;
    this.rateLimit =
      bitsPerSecond === 0 ? undefined : new RateLimit(bitsPerSecond / 8, burstBytes, clock.monotonicMs());
  }
}
