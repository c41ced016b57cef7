import type { Timer } from "@ganglion/kernel";
import {
  badPullRequest,
  CONSUMER_DEFAULTS,
  type ConsumerConfig,
  exceededMaxRequestBatch,
  exceededMaxRequestExpires,
  exceededMaxRequestMaxBytes,
  formatGoDuration,
  JETSTREAM_HEADERS,
  type PullRequest,
  pendingHeaders,
  STATUS,
  type Status,
} from "@ganglion/protocol";
import { type DeliveryTarget, statusMessage, type TargetHost } from "./delivery-target.js";
import { Pin } from "./pin.js";
import { PullQueue, type Turn, type WaitingRequest } from "./pull-queue.js";
import { parsePullRequest, priorityFault } from "./pull-request.js";

/** A full queue of requests is swept at most this often. Source: consumer.go `processNextMsgRequest`. */
const FULL_SWEEP_INTERVAL_MS = 1000;

/** Serves the pull requests of a consumer, in turn. */
export class PullTarget implements DeliveryTarget {
  private readonly queue: PullQueue;
  private timer: Timer | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;
  private inactivityTimer: Timer | undefined;
  private lastUsedMs: number;
  private lastSweepMs = Number.NEGATIVE_INFINITY;
  private current: WaitingRequest | undefined;
  /** The pinned client, when the consumer has that policy. */
  readonly pin: Pin | undefined;

  constructor(
    private config: ConsumerConfig,
    private readonly inactiveThresholdMs: () => number,
    private readonly host: TargetHost,
  ) {
    this.queue = new PullQueue(config.max_waiting ?? 0, config.priority_policy === "prioritized");
    if (config.priority_policy === "pinned_client") {
      this.pin = new Pin({
        clock: host.clock,
        timeoutMs: () => (this.config.priority_timeout ?? CONSUMER_DEFAULTS.priorityTimeoutNs) / 1e6,
        pinned: host.pinned,
        unpinned: host.unpinned,
      });
    }
    this.lastUsedMs = host.clock.monotonicMs();
    this.watchInactivity();
  }

  get isReady(): boolean {
    return this.queue.size > 0;
  }

  get isBlocked(): boolean {
    return this.current === undefined && this.queue.size > 0;
  }

  get pinId(): string | undefined {
    return this.pin?.id;
  }

  /** How many requests wait, those that somebody still listens for. */
  countWaiting(): number {
    this.sweep(false);
    return this.queue.size;
  }

  /** Takes in a pull request. */
  request(reply: string, payload: string): void {
    const { clock } = this.host;
    const request = parsePullRequest(payload);
    const refusal = typeof request === "string" ? badPullRequest(request) : this.refusalOf(request);
    if (refusal !== undefined || typeof request === "string") {
      if (refusal !== undefined && !isSilent(refusal, request)) {
        this.host.bus.publish(statusMessage(reply, refusal));
      }
      return;
    }
    this.queue.add(reply, request, clock.monotonicMs());
    this.lastUsedMs = clock.monotonicMs();
    this.host.wake();
  }

  updateConfig(config: ConsumerConfig): void {
    this.config = config;
    this.watchInactivity();
  }

  subjectFor(sizeBytes: number): string | undefined {
    const nowMs = this.host.clock.monotonicMs();
    this.current = this.queue.peek({ sizeBytes, nowMs, end: this.end, turnOf: this.turnOf });
    if (this.current !== undefined) this.pinClientOf(this.current);
    return this.current?.reply;
  }

  delivered(sizeBytes: number): void {
    const request = this.current;
    if (request === undefined) return;
    const nowMs = this.host.clock.monotonicMs();
    this.queue.deliver(sizeBytes, nowMs);
    this.lastUsedMs = nowMs;
    if (request.messagesLeft <= 0 && request.bytesLeft > 0) this.end(request, STATUS.batchCompleted);
  }

  undeliverable(): void {
    this.queue.dropFirst();
  }

  idle(endOfStream: boolean): void {
    if (this.queue.size > 0) this.sweep(endOfStream);
  }

  close(status: Status): void {
    this.timer?.cancel();
    this.inactivityTimer?.cancel();
    this.pin?.stop();
    this.queue.endAll(status, (request) => void this.host.bus.publish(statusMessage(request.reply, status)));
  }

  private refusalOf(request: PullRequest): Status | undefined {
    const { max_batch = 0, max_expires = 0, max_bytes = 0 } = this.config;
    if (max_batch > 0 && request.batch > max_batch) return exceededMaxRequestBatch(max_batch);
    if (max_expires > 0 && request.expires > max_expires) {
      return exceededMaxRequestExpires(formatGoDuration(max_expires));
    }
    if (max_bytes > 0 && request.max_bytes > max_bytes) return exceededMaxRequestMaxBytes(max_bytes);
    const refusal = this.priorityRefusal(request);
    if (refusal !== undefined) return refusal;
    const nowMs = this.host.clock.monotonicMs();
    if (this.queue.isFull && nowMs - this.lastSweepMs > FULL_SWEEP_INTERVAL_MS) this.sweep(false);
    if (request.no_wait) {
      const refusal = this.noWaitRefusal(request);
      if (refusal !== undefined) this.lastUsedMs = nowMs;
      if (refusal !== undefined) return refusal;
    }
    return this.queue.isFull ? STATUS.exceededMaxWaiting : undefined;
  }

  private priorityRefusal({ priority }: PullRequest): Status | undefined {
    if (priority === undefined) return undefined;
    const fault = priorityFault(priority, this.config);
    if (fault !== undefined) return badPullRequest(fault);
    const pinId = this.pin?.id;
    if (pinId === undefined || priority.pinId === "") return undefined;
    if (priority.pinId !== pinId) return STATUS.pinIdMismatch;
    this.pin?.renew();
    return undefined;
  }

  private readonly turnOf = ({ priority }: WaitingRequest): Turn => {
    const { priority_policy: policy } = this.config;
    if (policy === "pinned_client") {
      const pinId = priority?.pinId ?? "";
      const pinned = this.pin?.id;
      if (pinId === (pinned ?? "")) return "now";
      return pinId === "" ? "later" : "wrongPin";
    }
    if (policy !== "overflow" || priority === undefined) return "now";
    const { minPending, minAckPending } = priority;
    if (minPending <= 0 && minAckPending <= 0) return "now";
    const overflows =
      (minPending > 0 && this.host.pending() >= minPending) ||
      (minAckPending > 0 && this.host.ackPending() >= minAckPending);
    return overflows ? "now" : "later";
  };

  /** Pins the client that is served, when none is pinned and it is still there. */
  private pinClientOf(request: WaitingRequest): void {
    const { priority, reply } = request;
    if (this.pin === undefined || this.pin.id !== undefined) return;
    if (priority === undefined || !this.host.bus.hasInterest(reply)) return;
    request.priority = { ...priority, pinId: this.pin.assign(priority.group) };
  }

  private noWaitRefusal(request: PullRequest): Status | undefined {
    const deliverable = this.host.deliverable();
    if (deliverable === 0) return request.expires === 0 ? STATUS.noMessages : undefined;
    this.sweep(false);
    return deliverable < this.queue.messagesWanted ? STATUS.requestsPending : undefined;
  }

  private readonly end = (request: WaitingRequest, status: Status): void => {
    const headers = pendingHeaders(request.messagesLeft, request.bytesLeft);
    this.host.bus.publish(statusMessage(request.reply, status, { headers }));
  };

  private readonly heartbeat = (request: WaitingRequest): void => {
    const { consumer, stream } = this.host.lastSequences();
    const headers: [string, string][] = [
      [JETSTREAM_HEADERS.lastConsumer, String(consumer)],
      [JETSTREAM_HEADERS.lastStream, String(stream)],
    ];
    this.host.bus.publish(statusMessage(request.reply, STATUS.idleHeartbeat, { headers }));
  };

  private sweep(endOfStream: boolean): void {
    const { bus, clock } = this.host;
    this.lastSweepMs = clock.monotonicMs();
    const nextMs = this.queue.sweep({
      nowMs: this.lastSweepMs,
      endOfStream,
      hasInterest: (reply) => bus.hasInterest(reply),
      end: this.end,
      heartbeat: this.heartbeat,
    });
    if (nextMs !== undefined) this.arm(nextMs);
  }

  private arm(dueMs: number): void {
    if (dueMs >= this.timerDueMs) return;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = this.host.clock.schedule(dueMs - this.host.clock.monotonicMs(), () => {
      this.timerDueMs = Number.POSITIVE_INFINITY;
      this.sweep(true);
    });
  }

  private watchInactivity(): void {
    this.inactivityTimer?.cancel();
    const thresholdMs = this.inactiveThresholdMs();
    if (thresholdMs <= 0) return;
    const elapsedMs = this.host.clock.monotonicMs() - this.lastUsedMs;
    this.inactivityTimer = this.host.clock.schedule(Math.max(1, thresholdMs - elapsedMs), () => {
      if (this.host.clock.monotonicMs() - this.lastUsedMs < thresholdMs) return this.watchInactivity();
      if (this.countWaiting() === 0) return this.host.expired();
      this.lastUsedMs = this.host.clock.monotonicMs();
      this.watchInactivity();
    });
  }
}

/**
 * A client with heartbeats finds out by their absence that its request was one too many; told at once, it would
 * ask again at once. Source: nats-server consumer.go `processNextMsgRequest`.
 */
function isSilent(refusal: Status, request: PullRequest | string): boolean {
  return refusal === STATUS.exceededMaxWaiting && typeof request !== "string" && request.idle_heartbeat > 0;
}
