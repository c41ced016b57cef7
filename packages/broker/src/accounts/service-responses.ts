import { randomBytes } from "node:crypto";
import type { Timer } from "@ganglion/kernel";
import { ACK_PREFIX, decodeText, hasWildcard, type MessageFrame, subjectMatches } from "@ganglion/protocol";
import type { Forwarder } from "../routing/forwarder.js";
import type { Publisher } from "../routing/publisher.js";
import { Subscription } from "../routing/subscription.js";
import type { Account } from "./account.js";
import type { Failure, LatencyMeasurement } from "./latency-measurement.js";
import type { SharedService } from "./shared-service.js";

/** Answers that may be awaited in one account; beyond it the oldest is given up. nats-server has no limit. */
const MAX_PENDING = 1_000_000;
const TOKEN_CHARS = 6;

/** A request that was taken into another account, as its answer needs it. */
export interface ForwardedRequest {
  readonly service: SharedService;
  /** Where the answer goes. */
  readonly requester: Account;
  readonly reply: string;
  readonly isShared: boolean;
  readonly measurement?: LatencyMeasurement | undefined;
}

/** The answer, or answers, to one request. */
export class PendingResponse {
  /** Time until which the next answer must have come, on the monotonic clock. */
  deadlineMs = 0;

  constructor(
    /** The reply subject in the account of the service. */
    readonly subject: string,
    readonly request: ForwardedRequest,
  ) {}
}

/**
 * The answers that services of one account owe to other accounts. Each request gets a reply subject of its own, at
 * which only its answer passes.
 *
 * Source: nats-server accounts.go `addRespServiceImport`, `processServiceImportResponse`, `removeRespServiceImport`.
 */
export class ServiceResponses implements Forwarder {
  private readonly pending = new Map<string, PendingResponse>();
  private readonly prefix = `_R_.${token()}.`;
  private sweeper: Timer | undefined;

  constructor(private readonly account: Account) {
    account.router.add(new Subscription(`${this.prefix}>`, { forwarder: this }));
  }

  /** Awaits the answer to a request that is about to be delivered in this account. */
  expect(request: ForwardedRequest): PendingResponse {
    const response = new PendingResponse(this.prefix + token(), request);
    if (this.pending.size >= MAX_PENDING) this.giveUpOldest();
    this.pending.set(response.subject, response);
    this.extend(response);
    request.requester.awaited.add(response, this);
    return response;
  }

  hasInterest(subject: string): boolean {
    const { request } = this.pending.get(subject) ?? {};
    return request?.requester.bus.hasInterest(request.reply) === true;
  }

  /**
   * Takes an answer to the account that asked. Whoever answers is not told whether somebody still waits.
   *
   * Source: nats-server client.go `deliverMsg`, at `sub.si`.
   */
  forward(subject: string, frame: MessageFrame, publisher: Publisher): boolean {
    const response = this.pending.get(subject);
    if (response === undefined) return true;
    const { service, requester, reply, isShared, measurement } = response.request;
    measurement?.answered(this.account.connectionOf(publisher));
    // An answer may itself ask for one.
    const asked = replyOf(frame);
    const further =
      asked === undefined || asked.startsWith(ACK_PREFIX)
        ? undefined
        : requester.responses.expect({ service, requester: this.account, reply: asked, isShared });
    const data = frame.bytes.subarray(frame.dataStart, frame.dataEnd);
    const { headerSizeBytes } = frame;
    const count = requester.bus.forward(
      {
        subject: requester.mapped(reply),
        deliverAs: publisher.deliverAs,
        reply: further?.subject ?? asked,
        headerSizeBytes,
        data,
      },
      publisher,
      { service: response, isShared, previous: publisher.via },
    );
    const isDone = count === 0 || service.responseType === "singleton" || data.length === 0;
    if (isDone) this.remove(response, count === 0 ? "no responders" : undefined);
    else this.extend(response);
    if (count === 0 && further !== undefined) requester.responses.remove(further);
    return true;
  }

  /** Gives up an answer. @param failure - told when the request is measured and has no answer. */
  remove(response: PendingResponse, failure?: Failure): void {
    if (!this.pending.delete(response.subject)) return;
    const { requester, measurement } = response.request;
    if (failure !== undefined) measurement?.failed(failure);
    requester.awaited.delete(response);
    // Who waits for interest in the reply, a pull request for example, waits in vain.
    this.account.router.changed(response.subject);
  }

  private extend(response: PendingResponse): void {
    const { thresholdMs } = response.request.service;
    const { clock } = this.account.environment;
    response.deadlineMs = clock.monotonicMs() + thresholdMs;
    this.sweeper ??= clock.schedule(thresholdMs, () => this.sweep());
  }

  private sweep(): void {
    this.sweeper = undefined;
    const { clock } = this.account.environment;
    const nowMs = clock.monotonicMs();
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const response of this.pending.values()) {
      if (response.deadlineMs <= nowMs) this.remove(response, "timeout");
      else soonestMs = Math.min(soonestMs, response.deadlineMs);
    }
    if (this.pending.size > 0) this.sweeper = clock.schedule(soonestMs - nowMs, () => this.sweep());
  }

  private giveUpOldest(): void {
    for (const oldest of this.pending.values()) {
      this.remove(oldest, "timeout");
      return;
    }
  }
}

/** The answers that clients of one account wait for, by the reply subject they chose. */
export class AwaitedReplies {
  private readonly byReply = new Map<string, Map<PendingResponse, ServiceResponses>>();

  constructor(private readonly account: Account) {
    account.router.listen((filter) => this.interestChanged(filter));
  }

  add(response: PendingResponse, responses: ServiceResponses): void {
    const { reply } = response.request;
    const known = this.byReply.get(reply);
    if (known === undefined) this.byReply.set(reply, new Map([[response, responses]]));
    else known.set(response, responses);
  }

  delete(response: PendingResponse): void {
    const { reply } = response.request;
    const known = this.byReply.get(reply);
    known?.delete(response);
    if (known?.size === 0) this.byReply.delete(reply);
  }

  /**
   * Gives up the answers nobody waits for any more.
   *
   * Source: nats-server accounts.go `checkForReverseEntry`.
   */
  private interestChanged(filter: string): void {
    if (this.byReply.size === 0) return;
    const touched = hasWildcard(filter)
      ? [...this.byReply.keys()].filter((reply) => subjectMatches(filter, reply))
      : this.byReply.has(filter)
        ? [filter]
        : [];
    const lost = touched.filter((reply) => !this.account.bus.hasInterest(reply));
    for (const reply of lost) {
      for (const [response, responses] of [...(this.byReply.get(reply) ?? [])]) {
        responses.remove(response, "interest lost");
      }
    }
  }
}

function token(): string {
  // Letters and digits only: tokens of a subject.
  return randomBytes(TOKEN_CHARS * 2)
    .toString("base64")
    .replace(/[+/=]/g, "")
    .slice(0, TOKEN_CHARS)
    .padEnd(TOKEN_CHARS, "0");
}

/** The reply subject of a message. */
export function replyOf({ bytes, replyStart, replyEnd }: MessageFrame): string | undefined {
  return replyEnd > replyStart ? decodeText(bytes, replyStart, replyEnd) : undefined;
}
