import type { Timer } from "@ganglion/kernel";
import {
  CONSUMER_DEFAULTS,
  type ConsumerConfig,
  FLOW_CONTROL_PREFIX,
  JETSTREAM_HEADERS,
  STATUS,
  type Status,
} from "@ganglion/protocol";
import type { InterestWatch } from "../account-bus.js";
import { type DeliveryTarget, statusMessage, type TargetHost } from "./delivery-target.js";
import { FlowControl } from "./flow-control.js";

const UNREACHED_RETRY_MS = 250;

/** Delivers to the subject of a push consumer while somebody listens there. */
export class PushTarget implements DeliveryTarget {
  readonly isBlocked = false;
  readonly pinId = undefined;
  private subject: string;
  private interest: InterestWatch;
  private active: boolean;
  private readonly flowControl: FlowControl | undefined;
  private heartbeatTimer: Timer | undefined;
  private inactivityTimer: Timer | undefined;
  private retryTimer: Timer | undefined;
  private lastSentMs: number;

  constructor(
    private config: ConsumerConfig,
    private readonly inactiveThresholdMs: () => number,
    private readonly host: TargetHost,
  ) {
    this.subject = config.deliver_subject ?? "";
    this.lastSentMs = host.clock.monotonicMs();
    if (config.flow_control === true) {
      this.flowControl = new FlowControl(CONSUMER_DEFAULTS.flowControlWindowBytes);
    }
    this.interest = this.watch();
    this.active = this.interest.active;
    this.watchInactivity();
    this.scheduleHeartbeat();
  }

  /** Whether somebody listens at the deliver subject. */
  get isBound(): boolean {
    return this.active;
  }

  get isReady(): boolean {
    return this.active && this.flowControl?.isStalled !== true;
  }

  subjectFor(): string {
    return this.subject;
  }

  delivered(sizeBytes: number): void {
    this.lastSentMs = this.host.clock.monotonicMs();
    if (this.flowControl === undefined) return;
    if (this.flowControl.delivered(sizeBytes)) this.requestFlowControl(this.flowControl);
    else this.askForAcks(this.flowControl, this.config.max_ack_pending ?? 0);
  }

  /** Where flow control acknowledges, it is asked for when so many acknowledgements are missing. */
  private askForAcks(flowControl: FlowControl, missing: number): void {
    if (this.config.ack_policy !== "flow_control" || flowControl.outstandingRequest !== undefined) return;
    // The message that was just sent is not counted yet.
    if (this.host.ackPending() + 1 >= missing) this.requestFlowControl(flowControl);
  }

  undeliverable(): void {
    this.setActive(false);
    // Usually the watch tells when somebody listens again; a subscriber that only could not be reached is asked.
    this.retryTimer?.cancel();
    this.retryTimer = this.host.clock.schedule(UNREACHED_RETRY_MS, () =>
      this.setActive(this.interest.active),
    );
  }

  idle(): void {}

  close(_status: Status): void {
    this.interest.stop();
    this.heartbeatTimer?.cancel();
    this.inactivityTimer?.cancel();
    this.retryTimer?.cancel();
  }

  /** Takes in an answer to flow control. @returns whether it was asked for. */
  flowControlAnswered(subject: string): boolean {
    const isAnswer = this.flowControl?.answered(subject) === true;
    if (isAnswer) this.host.wake();
    return isAnswer;
  }

  /** Takes a new configuration. @returns whether the deliver subject changed. */
  updateConfig(config: ConsumerConfig): boolean {
    this.config = config;
    const moved = config.deliver_subject !== this.subject;
    if (moved) {
      this.interest.stop();
      this.subject = config.deliver_subject ?? "";
      this.interest = this.watch();
      this.setActive(this.interest.active);
    }
    this.watchInactivity();
    return moved;
  }

  private watch(): InterestWatch {
    return this.host.bus.watchInterest(this.subject, this.config.deliver_group, (active) =>
      this.setActive(active),
    );
  }

  private setActive(active: boolean): void {
    const wasActive = this.active;
    this.active = active;
    if (active !== wasActive) this.watchInactivity();
    if (active && !wasActive) this.host.wake();
  }

  /** A consumer nobody listens to goes after a while, if it has a threshold. */
  private watchInactivity(): void {
    const thresholdMs = this.inactiveThresholdMs();
    this.inactivityTimer?.cancel();
    this.inactivityTimer = undefined;
    if (this.active || thresholdMs <= 0) return;
    this.inactivityTimer = this.host.clock.schedule(thresholdMs, () => this.host.expired());
  }

  private scheduleHeartbeat(): void {
    const intervalMs = (this.config.idle_heartbeat ?? 0) / 1e6;
    if (intervalMs <= 0) return;
    const { clock } = this.host;
    const idleMs = clock.monotonicMs() - this.lastSentMs;
    this.heartbeatTimer = clock.schedule(Math.max(1, intervalMs - idleMs), () => {
      if (clock.monotonicMs() - this.lastSentMs >= intervalMs) {
        this.lastSentMs = clock.monotonicMs();
        if (this.active) this.sendHeartbeat();
        if (this.active && this.flowControl !== undefined && this.host.ackPending() > 0)
          this.askForAcks(this.flowControl, 1);
      }
      this.scheduleHeartbeat();
    });
  }

  private sendHeartbeat(): void {
    const { consumer, stream } = this.host.lastSequences();
    const headers: [string, string][] = [
      [JETSTREAM_HEADERS.lastConsumer, String(consumer)],
      [JETSTREAM_HEADERS.lastStream, String(stream)],
    ];
    const stalledBy = this.flowControl?.outstandingRequest;
    if (stalledBy !== undefined) headers.push([JETSTREAM_HEADERS.consumerStalled, stalledBy]);
    this.host.bus.publish(statusMessage(this.subject, STATUS.idleHeartbeat, { headers }));
  }

  private requestFlowControl(flowControl: FlowControl): void {
    const { streamName, consumerName } = this.host;
    const id = Math.random().toString(36).slice(2, 8);
    const subject = `${FLOW_CONTROL_PREFIX}${streamName}.${consumerName}.${id}`;
    flowControl.request(subject);
    this.host.bus.publish(statusMessage(this.subject, STATUS.flowControl, { reply: subject }));
  }
}
