import { type PullPriority, type PullRequest, STATUS, type Status } from "@ganglion/protocol";

/** A pull request that waits for messages. */
export interface WaitingRequest {
  /** Where its messages and its status go. */
  readonly reply: string;
  /** Messages it may still get. */
  messagesLeft: number;
  /** Bytes it may still get; 0 with `limitsBytes` false: any number. */
  bytesLeft: number;
  readonly limitsBytes: boolean;
  /** How many messages it got. */
  delivered: number;
  readonly noWait: boolean;
  /** On the monotonic clock; undefined: never. */
  readonly expiresMs: number | undefined;
  readonly heartbeatMs: number;
  /** When the next heartbeat is due, on the monotonic clock. */
  heartbeatDueMs: number | undefined;
  /** Undefined for a request that is no JSON. */
  priority: PullPriority | undefined;
}

/** Whether a request may get the next message: now, not now, or never since another client is pinned. */
export type Turn = "now" | "later" | "wrongPin";

/** Tells a requester why its request ended early. */
export type EndRequest = (request: WaitingRequest, status: Status) => void;

/** How {@link PullQueue.peek} chooses. */
export interface PeekOptions {
  /** Of the next message. */
  readonly sizeBytes: number;
  /** On the monotonic clock. */
  readonly nowMs: number;
  end: EndRequest;
  turnOf(request: WaitingRequest): Turn;
}

/** What {@link PullQueue.sweep} looks at and reports to. */
export interface SweepOptions {
  readonly nowMs: number;
  /** Whether the consumer has nothing more to deliver: one-shot requests that got something end. */
  readonly endOfStream: boolean;
  hasInterest(reply: string): boolean;
  end: EndRequest;
  heartbeat(request: WaitingRequest): void;
}

/**
 * The pull requests of a consumer, served in turn: a request that is not filled goes to the end. Pure.
 *
 * Source: nats-server consumer.go `waitQueue`, `nextWaiting`, `processWaiting`.
 */
export class PullQueue {
  private requests: WaitingRequest[] = [];

  /** @param isPrioritized - requests with a lower level go before others. */
  constructor(
    private readonly maxWaiting: number,
    private readonly isPrioritized = false,
  ) {}

  get size(): number {
    return this.requests.length;
  }

  get isFull(): boolean {
    return this.requests.length >= this.maxWaiting;
  }

  /** Messages that all waiting requests may still get. */
  get messagesWanted(): number {
    return this.requests.reduce((sum, request) => sum + request.messagesLeft, 0);
  }

  /** Adds a request. @param nowMs - on the monotonic clock. */
  add(reply: string, request: PullRequest, nowMs: number): void {
    const heartbeatMs = request.idle_heartbeat / 1e6;
    this.insert({
      reply,
      messagesLeft: request.batch,
      bytesLeft: Math.max(0, request.max_bytes),
      limitsBytes: request.max_bytes > 0,
      delivered: 0,
      noWait: request.no_wait,
      expiresMs: request.expires > 0 ? nowMs + request.expires / 1e6 : undefined,
      heartbeatMs,
      heartbeatDueMs: heartbeatMs > 0 ? nowMs + heartbeatMs : undefined,
      priority: request.priority,
    });
  }

  /**
   * The request that gets the next message. Requests that are overdue, too small for the message, or of a client
   * that is not the pinned one, are ended on the way. Nothing is counted until {@link deliver}.
   *
   * @returns undefined when it is nobody's turn.
   */
  peek({ sizeBytes, nowMs, end, turnOf }: PeekOptions): WaitingRequest | undefined {
    let passedOver = 0;
    for (let request = this.requests[0]; request !== undefined; request = this.requests[0]) {
      const refusal = refusalOf(request, { sizeBytes, nowMs });
      const turn = refusal === undefined ? turnOf(request) : "now";
      if (turn === "later") {
        this.requests.push(...this.requests.splice(0, 1));
        if (++passedOver >= this.requests.length) return undefined;
      } else if (refusal !== undefined || turn === "wrongPin") {
        this.requests.shift();
        end(request, refusal ?? STATUS.wrongPinId);
      } else {
        return request;
      }
    }
    return undefined;
  }

  /** Counts a message of `sizeBytes` as delivered to the first request, which {@link peek} gave. */
  deliver(sizeBytes: number, nowMs: number): void {
    const request = this.requests[0];
    if (request === undefined) return;
    request.delivered++;
    request.messagesLeft--;
    if (request.limitsBytes) {
      request.bytesLeft -= sizeBytes;
      if (request.bytesLeft <= 0) request.messagesLeft = 0;
    }
    if (request.heartbeatDueMs !== undefined) request.heartbeatDueMs = nowMs + request.heartbeatMs;
    if (request.messagesLeft <= 0) this.requests.shift();
    else if (this.requests.length > 1) for (const served of this.requests.splice(0, 1)) this.insert(served);
  }

  /** Drops the first request: nobody listens to it any more. */
  dropFirst(): void {
    this.requests.shift();
  }

  /** Ends what is overdue, drops what nobody waits for, sends heartbeats. @returns when to look again. */
  sweep(options: SweepOptions): number | undefined {
    const kept: WaitingRequest[] = [];
    const ended: WaitingRequest[] = [];
    const heartbeats: WaitingRequest[] = [];
    let nextMs: number | undefined;
    for (const request of this.requests) {
      const isServed = options.endOfStream && request.noWait && request.delivered > 0;
      if (isServed || isOverdue(request, options.nowMs)) {
        ended.push(request);
        continue;
      }
      if (!options.hasInterest(request.reply)) continue;
      if (request.heartbeatDueMs !== undefined && request.heartbeatDueMs <= options.nowMs) {
        request.heartbeatDueMs = options.nowMs + request.heartbeatMs;
        heartbeats.push(request);
      }
      nextMs = earliest(nextMs, earliest(request.expiresMs, request.heartbeatDueMs));
      kept.push(request);
    }
    this.requests = kept;
    // Only now: whoever hears of it may send the next request at once.
    for (const request of ended) options.end(request, STATUS.requestTimeout);
    for (const request of heartbeats) options.heartbeat(request);
    return nextMs;
  }

  /** Ends every request with `status`. */
  endAll(status: Status, end: EndRequest): void {
    const ended = this.requests;
    this.requests = [];
    for (const request of ended) end(request, status);
  }

  private insert(request: WaitingRequest): void {
    const level = levelOf(request);
    const at = this.isPrioritized ? this.requests.findIndex((other) => levelOf(other) > level) : -1;
    if (at === -1) this.requests.push(request);
    else this.requests.splice(at, 0, request);
  }
}

/** Requests that name no level come last. Source: nats-server consumer.go `insertAtPosition`. */
function levelOf({ priority }: WaitingRequest): number {
  return priority?.level ?? Number.POSITIVE_INFINITY;
}

function refusalOf(
  request: WaitingRequest,
  { sizeBytes, nowMs }: Pick<PeekOptions, "sizeBytes" | "nowMs">,
): Status | undefined {
  if (isOverdue(request, nowMs)) return STATUS.requestTimeout;
  if (request.limitsBytes && sizeBytes > request.bytesLeft) return STATUS.messageSizeExceedsMaxBytes;
  return undefined;
}

function isOverdue(request: WaitingRequest, nowMs: number): boolean {
  return request.expiresMs !== undefined && request.expiresMs <= nowMs;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
