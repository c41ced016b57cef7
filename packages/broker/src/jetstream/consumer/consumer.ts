import {
  ACK_METRIC_PREFIX,
  ACK_PREFIX,
  type Ack,
  type AckPosition,
  type ConsumerConfig,
  parseAck,
  STATUS,
  type Status,
  ZERO_TIMESTAMP,
} from "@ganglion/protocol";
import type { ConsumerStore } from "@ganglion/store";
import type { Runnable } from "../ready-queue.js";
import { needsAck } from "../stream/retention.js";
import type { PendingEntry } from "./ack-floor.js";
import type { ConsumerHost } from "./consumer-host.js";
import { Cursor } from "./cursor.js";
import { filtersOf, type StartPosition, startPosition } from "./deliver-policy.js";
import { Delivery } from "./delivery.js";
import { statusMessage, type TargetHost } from "./delivery-target.js";
import { Pause } from "./pause.js";
import { PendingAcks } from "./pending-acks.js";
import { PullTarget } from "./pull-target.js";
import { PushTarget } from "./push-target.js";

/** What a consumer is made with. */
export interface ConsumerOptions {
  readonly name: string;
  readonly config: ConsumerConfig;
  /** Microseconds since 1970. */
  readonly createdUs: number;
  /** Where it remembers; undefined: it forgets with the process. */
  readonly store: ConsumerStore | undefined;
}

interface WaitingAck {
  readonly position: AckPosition;
  readonly payload: Uint8Array;
  readonly reply: string | undefined;
}

/** A consumer of a stream: its place in the stream, what is not acknowledged, and where messages go. */
export class Consumer implements Runnable {
  readonly name: string;
  readonly createdUs: number;
  readonly cursor: Cursor;
  readonly acks: PendingAcks;
  readonly store: ConsumerStore | undefined;
  /** Highest stream sequence that was appended for it and not announced as durable when it last looked. */
  newestAppended = 0;
  lastDeliveredUs: number | undefined;
  lastAckedUs: number | undefined;
  readonly pause: Pause;
  private currentConfig: ConsumerConfig;
  private readonly delivery: Delivery;
  private readonly target: PullTarget | PushTarget;
  /** Acknowledgements that came while a message was being sent. */
  private heldAcks: WaitingAck[] = [];
  private closed = false;
  private awaitsDurability = false;

  constructor(
    options: ConsumerOptions,
    private readonly host: ConsumerHost,
  ) {
    this.name = options.name;
    this.createdUs = options.createdUs;
    this.store = options.store;
    this.currentConfig = options.config;
    const { config } = options;
    const state = options.store?.load();
    const start: StartPosition =
      state === undefined
        ? startPosition(config, host.messages, host.config.max_msgs_per_subject)
        : { sequence: state.delivered.stream + 1, skipList: [] };
    this.cursor = new Cursor(host.messages, start, filtersOf(config));
    this.acks = new PendingAcks({
      config,
      clock: host.clock,
      store: options.store,
      startSequence: start.skipList[0] ?? start.sequence,
      state,
      events: {
        released: (sequence) => host.released(this, sequence),
        wake: () => this.wake(),
        exhausted: (sequence, deliveries) => this.adviseExhausted(sequence, deliveries),
      },
    });
    const targetHost = this.targetHost();
    const inactiveThresholdMs = () => (this.currentConfig.inactive_threshold ?? 0) / 1e6;
    this.target =
      config.deliver_subject === undefined
        ? new PullTarget(config, inactiveThresholdMs, targetHost)
        : new PushTarget(config, inactiveThresholdMs, targetHost);
    this.delivery = new Delivery({
      host,
      cursor: this.cursor,
      acks: this.acks,
      target: this.target,
      config,
      ackPrefix: `${ACK_PREFIX}${host.config.name}.${this.name}.`,
      wake: () => this.wake(),
      sentUnacknowledged: (sequence) => host.released(this, sequence),
    });
    this.pause = new Pause(host.clock, () => {
      this.advisePause();
      this.wake();
    });
    this.pause.update(config);
    this.acks.start();
    this.wake();
  }

  get config(): ConsumerConfig {
    return this.currentConfig;
  }

  get isFiltered(): boolean {
    return this.cursor.isFiltered;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Pull requests that wait; 0 for a push consumer. */
  countWaiting(): number {
    return this.target instanceof PullTarget ? this.target.countWaiting() : 0;
  }

  /** Whether somebody listens at the deliver subject; undefined for a pull consumer. */
  get isPushBound(): boolean | undefined {
    return this.target instanceof PushTarget ? this.target.isBound : undefined;
  }

  /** Pin id of the client that is served, and since when (microseconds since 1970). */
  get pinned(): { readonly id: string | undefined; readonly sinceUs: number | undefined } {
    const pin = this.target instanceof PullTarget ? this.target.pin : undefined;
    return { id: pin?.id, sinceUs: pin?.sinceUs };
  }

  /** Takes the pin away from the client of a priority group. */
  unpin(): void {
    if (this.target instanceof PullTarget) this.target.pin?.release("admin");
  }

  matches(subject: string): boolean {
    return this.cursor.matches(subject);
  }

  /** Asks for a turn to deliver. */
  wake(): void {
    if (!this.closed) this.host.ready.add(this);
  }

  /** Delivers what can be delivered now. The ready queue calls it. */
  run(): void {
    if (this.closed) return;
    if (this.pause.isActive) {
      this.target.idle(false);
      return;
    }
    const before = this.acks.delivered.consumer;
    this.delivery.run();
    this.awaitDurability();
    if (this.acks.delivered.consumer !== before) this.lastDeliveredUs = this.host.clock.nowUs();
  }

  /** Messages that were there before the consumer, or before its filters, are not announced to it. */
  private awaitDurability(): void {
    const { blockedBy } = this.cursor;
    if (blockedBy === undefined || this.newestAppended > 0 || this.awaitsDurability) return;
    this.awaitsDurability = true;
    this.host.whenDurable(blockedBy, () => {
      this.awaitsDurability = false;
      this.wake();
    });
  }

  /** A matching message was appended. */
  appended(sequence: number): void {
    this.newestAppended = sequence;
    this.cursor.appended();
  }

  /** A message left the stream. */
  removed(sequence: number, subject: string): void {
    if (this.matches(subject)) this.cursor.removed(sequence);
    const entry = this.acks.removed(sequence);
    if (entry !== undefined) this.adviseTerminated(sequence, entry, "Unacknowledged message was deleted");
  }

  /** The stream holds nothing for this consumer below `sequence` any more. */
  skipTo(sequence: number): void {
    this.cursor.skipTo(sequence);
    this.acks.skipTo(sequence);
    this.cursor.recount();
  }

  /** Messages were taken back by the store: what lies ahead is counted anew. */
  recount(): void {
    this.newestAppended = 0;
    this.cursor.recount();
  }

  /** Whether a message of a stream that keeps what is needed must stay for this consumer. */
  needs(sequence: number, subject: string): boolean {
    if (!this.matches(subject)) return false;
    return needsAck(
      this.acks.position((ahead) => this.cursor.isAhead(ahead)),
      sequence,
    );
  }

  /** Takes in a pull request. */
  pull(reply: string, payload: string): void {
    if (this.target instanceof PullTarget) this.target.request(reply, payload);
    else this.host.bus.publish(statusMessage(reply, STATUS.consumerIsPushBased));
  }

  /** Takes in an answer to flow control. */
  /** @param taken - last message the subscriber has dealt with, for a consumer that is acknowledged so. */
  flowControlAnswered(subject: string, taken: { readonly consumer: number; readonly stream: number }): void {
    if (!(this.target instanceof PushTarget) || !this.target.flowControlAnswered(subject)) return;
    if (this.currentConfig.ack_policy !== "flow_control" || taken.stream <= 0) return;
    if (taken.stream >= this.cursor.sequence) return;
    this.lastAckedUs = this.host.clock.nowUs();
    this.acks.acknowledge(taken.stream, taken.consumer);
    this.wake();
  }

  /** Takes in an acknowledgement. `payload` is only valid during the call. */
  acknowledge(position: AckPosition, payload: Uint8Array, reply: string | undefined): void {
    if (this.closed) return;
    if (this.delivery.sending) {
      // Its message is not accounted for yet: a subscriber in this process answered within the delivery.
      if (this.heldAcks.length === 0) queueMicrotask(() => this.takeHeldAcks());
      this.heldAcks.push({ position, payload: payload.slice(), reply });
      return;
    }
    const ack = parseAck(payload);
    const isTaken = this.applyAck(ack, position, reply);
    if (!isTaken || reply === undefined || reply === "") return;
    const answer = () => void this.host.bus.publish({ subject: reply, headerSizeBytes: 0, data: NO_CONTENT });
    if (this.store === undefined) answer();
    else this.store.whenDurable(answer);
  }

  /** Takes a new configuration, which was checked. */
  updateConfig(config: ConsumerConfig): void {
    const filtersChanged = filtersOf(config).join(" ") !== filtersOf(this.currentConfig).join(" ");
    this.currentConfig = config;
    this.acks.updateConfig(config);
    this.delivery.updateConfig(config);
    if (this.target.updateConfig(config) === true) this.acks.redeliverAll();
    if (filtersChanged) this.cursor.setFilters(filtersOf(config));
    if (this.pause.update(config)) this.advisePause();
    this.wake();
  }

  /**
   * Goes on at `sequence` as if it were new there: what is not acknowledged is forgotten.
   *
   * Source: nats-server consumer.go `resetLocalStartingSeq`.
   */
  reset(sequence: number): void {
    this.cursor.reset(sequence);
    this.acks.reset(sequence);
    this.lastDeliveredUs = undefined;
    this.lastAckedUs = undefined;
    this.wake();
  }

  /** Ends it. `status` goes to those who wait for messages. */
  close(status: Status): void {
    if (this.closed) return;
    this.closed = true;
    this.delivery.close();
    this.pause.stop();
    this.acks.close();
    this.target.close(status);
  }

  private takeHeldAcks(): void {
    const held = this.heldAcks;
    this.heldAcks = [];
    for (const { position, payload, reply } of held) this.acknowledge(position, payload, reply);
  }

  /** @returns whether the acknowledgement wants an answer when it has a reply subject. */
  private applyAck(ack: Ack, position: AckPosition, reply: string | undefined): boolean {
    const { streamSequence, consumerSequence } = position;
    const isDelivered = streamSequence > 0 && streamSequence < this.cursor.sequence;
    switch (ack.kind) {
      case "ack":
        return isDelivered && this.settle(position);
      case "next":
        if (isDelivered) this.settle(position);
        if (reply !== undefined && reply !== "") this.pull(reply, ack.request);
        return false;
      case "nak":
        this.nak(ack, position);
        return streamSequence > 0;
      case "progress":
        this.acks.progress(streamSequence);
        return streamSequence > 0;
      case "term": {
        const entry = this.acks.pending.get(streamSequence);
        const isSettled = isDelivered && this.acks.acknowledge(streamSequence, consumerSequence);
        if (entry !== undefined) this.adviseTerminated(streamSequence, entry, ack.reason);
        return isSettled;
      }
      case "unknown":
        return streamSequence > 0;
    }
  }

  private settle(position: AckPosition): boolean {
    const entry = this.acks.pending.get(position.streamSequence);
    if (entry !== undefined) this.sample(position, entry);
    this.lastAckedUs = this.host.clock.nowUs();
    return this.acks.acknowledge(position.streamSequence, position.consumerSequence);
  }

  private nak(ack: Extract<Ack, { kind: "nak" }>, { streamSequence, consumerSequence }: AckPosition): void {
    const entry = this.acks.pending.get(streamSequence);
    if (entry === undefined) return;
    if (ack.invalidDelay !== undefined) {
      this.host.logger.warn("a nak has a delay that cannot be read", {
        stream: this.host.config.name,
        consumer: this.name,
        delay: ack.invalidDelay,
      });
    }
    this.host.advisories.advise(`CONSUMER.MSG_NAKED.${this.host.config.name}.${this.name}`, "nak", {
      ...this.facts(),
      consumer_seq: consumerSequence,
      stream_seq: streamSequence,
      deliveries: entry.deliveries,
    });
    this.acks.nak(streamSequence, ack.delayNs === undefined ? undefined : ack.delayNs / 1000);
  }

  private sample({ streamSequence, consumerSequence }: AckPosition, entry: PendingEntry): void {
    const frequency = Number.parseInt(this.currentConfig.sample_freq ?? "0", 10);
    if (frequency <= 0 || (frequency < 100 && Math.random() * 100 > frequency)) return;
    const subject = `${ACK_METRIC_PREFIX}${this.host.config.name}.${this.name}`;
    this.host.advisories.publish(subject, "io.nats.jetstream.metric.v1.consumer_ack", {
      ...this.facts(),
      consumer_seq: consumerSequence,
      stream_seq: streamSequence,
      ack_time: (this.host.clock.nowUs() - entry.timestampUs) * 1000,
      deliveries: entry.deliveries,
    });
  }

  private adviseExhausted(streamSequence: number, deliveries: number): void {
    this.host.advisories.advise(
      `CONSUMER.MAX_DELIVERIES.${this.host.config.name}.${this.name}`,
      "max_deliver",
      { ...this.facts(), stream_seq: streamSequence, deliveries },
    );
  }

  private adviseTerminated(streamSequence: number, entry: PendingEntry, reason: string): void {
    this.host.advisories.advise(
      `CONSUMER.MSG_TERMINATED.${this.host.config.name}.${this.name}`,
      "terminated",
      {
        ...this.facts(),
        consumer_seq: entry.consumerSequence,
        stream_seq: streamSequence,
        deliveries: entry.deliveries,
        ...(reason === "" ? {} : { reason }),
      },
    );
  }

  /** Tells that it is paused, or no longer. */
  advisePause(): void {
    const { pause_until: until } = this.currentConfig;
    this.host.advisories.advise(`CONSUMER.PAUSE.${this.host.config.name}.${this.name}`, "consumer_pause", {
      ...this.facts(),
      paused: this.pause.isActive,
      pause_until: until ?? ZERO_TIMESTAMP,
    });
  }

  private advisePin(verb: "PINNED" | "UNPINNED", facts: Readonly<Record<string, string>>): void {
    const type = `consumer_group_${verb.toLowerCase()}`;
    this.host.advisories.advise(`CONSUMER.${verb}.${this.host.config.name}.${this.name}`, type, {
      account: this.host.bus.accountName,
      ...this.facts(),
      ...facts,
    });
  }

  private facts(): { stream: string; consumer: string } {
    return { stream: this.host.config.name, consumer: this.name };
  }

  private targetHost(): TargetHost {
    const { host } = this;
    return {
      bus: host.bus,
      clock: host.clock,
      streamName: host.config.name,
      consumerName: this.name,
      lastSequences: () => ({
        consumer: this.acks.delivered.consumer,
        stream: this.cursor.sequence - 1,
      }),
      deliverable: () => this.cursor.pendingCount + this.acks.waitingForRedelivery,
      pending: () => {
        const isRedelivery = this.acks.nextRedeliverySequence() !== undefined;
        return this.cursor.pendingCount + (isRedelivery ? 1 : 0);
      },
      ackPending: () => this.acks.pending.size,
      pinned: (group, pinId) => this.advisePin("PINNED", { group, pinned_id: pinId }),
      unpinned: (group, reason) => {
        this.advisePin("UNPINNED", { group, reason });
        this.wake();
      },
      wake: () => this.wake(),
      expired: () => host.expired(this),
    };
  }
}

const NO_CONTENT = new Uint8Array(0);
