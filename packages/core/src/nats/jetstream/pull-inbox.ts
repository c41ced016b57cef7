import { randomBytes } from "node:crypto";
import { pause, type Timer } from "@ganglion/kernel";
import { JETSTREAM_HEADERS, type MessageFrame, STATUS } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type { Link } from "../link.js";
import { WireMessage } from "../wire-message.js";
import type { JetStreamApi } from "./jetstream-api.js";
import { toNs } from "./nanoseconds.js";

/** What a {@link PullInbox} works with. */
export interface PullSurroundings {
  readonly connection: Link;
  readonly api: JetStreamApi;
  readonly inboxPrefix: string;
}

/** What a {@link PullInbox} tells its owner. */
export interface PullHooks {
  /** A message of the stream; the frame is valid during the call only. */
  message(frame: MessageFrame): void;
  /** Requests ended without messages: more may be pulled. */
  idle(): void;
  /** Nothing will come any more: the consumer is gone, or nobody knows. */
  lost(error: Error): void;
}

/** Pause after a refusal, so that it is not asked again at once. */
const REFUSAL_PAUSE_MS = 250;
/** Signs of life that may be missing in a row. */
const MAX_MISSED = 2;
const RUN_OUT_POLL_MS = 20;
const NO_RESPONDERS = 503;
const HEARTBEAT = 100;
const CONFLICT = 409;
const LEADERSHIP_CHANGE = "Leadership Change";

/**
 * One subscription for the answers to the pull requests of a consumer. It counts what was asked for and did not
 * come, and listens for the server's signs of life.
 *
 * Source: ADR-13 (Pull Subscribe internals), ADR-37 (simplified consumers).
 */
export class PullInbox {
  /** Messages asked for that have not come. */
  outstanding = 0;
  private readonly subject: string;
  private readonly nextSubject: string;
  private readonly sid: number;
  private readonly heartbeat: Timer;
  private alive = true;
  private missed = 0;
  private closed = false;
  private pause: Timer | undefined;

  constructor(
    private readonly surroundings: PullSurroundings,
    private readonly target: {
      readonly stream: string;
      readonly consumer: string;
      readonly heartbeatMs: number;
      /** How long the server keeps a pull request open. */
      readonly expiresMs: number;
    },
    private readonly hooks: PullHooks,
  ) {
    const { connection, api, inboxPrefix } = surroundings;
    this.subject = `${inboxPrefix}.${randomBytes(12).toString("hex")}`;
    this.nextSubject = `${api.prefix}CONSUMER.MSG.NEXT.${target.stream}.${target.consumer}`;
    this.sid = connection.subscribe({
      subject: this.subject,
      queue: undefined,
      receive: (frame) => this.receive(frame),
      onError: (error) => this.hooks.lost(error),
    });
    this.heartbeat = this.scheduleCheck();
  }

  /** Whether the server may be asked now. */
  get ready(): boolean {
    return !this.closed && this.pause === undefined && this.surroundings.connection.connected;
  }

  /** Asks for up to `batch` messages. */
  pull(batch: number): void {
    if (this.outstanding === 0) this.missed = 0;
    this.outstanding += batch;
    this.surroundings.connection.publish({
      subject: this.nextSubject,
      reply: this.subject,
      headers: undefined,
      data: `{"batch":${batch},"expires":${toNs(this.target.expiresMs)},"idle_heartbeat":${toNs(this.target.heartbeatMs)}}`,
    });
  }

  /** The requests are forgotten, because the connection they were made on is. */
  reset(): void {
    this.outstanding = 0;
    this.missed = 0;
  }

  /** Ends at once. */
  close(): void {
    this.closed = true;
    this.heartbeat.cancel();
    this.pause?.cancel();
    this.surroundings.connection.unsubscribe(this.sid);
  }

  /** Resolves when every request has run out, or should have. Nothing may be pulled meanwhile. */
  async runOut(): Promise<void> {
    const untilMs = this.clock.monotonicMs() + this.target.expiresMs * 1.5;
    while (this.outstanding > 0 && this.clock.monotonicMs() < untilMs) {
      await pause(this.clock, RUN_OUT_POLL_MS);
    }
  }

  /** Ends the requests; resolves when what was on its way has been handed over. */
  async drain(): Promise<void> {
    this.heartbeat.cancel();
    this.pause?.cancel();
    await this.surroundings.connection.drain(this.sid);
    this.closed = true;
  }

  private receive(frame: MessageFrame): void {
    this.alive = true;
    if (frame.replyEnd > frame.replyStart) {
      if (this.outstanding > 0) this.outstanding--;
      this.hooks.message(frame);
    } else {
      this.status(new WireMessage(frame));
    }
  }

  private status(message: WireMessage): void {
    const { status, statusText } = message.headers;
    if (status === HEARTBEAT) return;
    const pending = Number(message.headers.get(JETSTREAM_HEADERS.pendingMessages) ?? this.outstanding);
    this.outstanding = Math.max(0, this.outstanding - pending);
    if (status === NO_RESPONDERS) {
      this.hooks.lost(coreError("CONSUMER_LOST", `Nobody answers for ${this.name}`, { retryable: true }));
    } else if (statusText === STATUS.consumerDeleted[1]) {
      this.hooks.lost(coreError("CONSUMER_LOST", `${this.name} was deleted`, { retryable: true }));
    } else if (status === CONFLICT && statusText !== LEADERSHIP_CHANGE) {
      this.rest();
    } else {
      this.hooks.idle();
    }
  }

  private rest(): void {
    this.pause?.cancel();
    this.pause = this.clock.schedule(REFUSAL_PAUSE_MS, () => {
      this.pause = undefined;
      this.hooks.idle();
    });
  }

  private scheduleCheck(): Timer {
    let timer: Timer;
    const check = () => {
      if (this.closed) return;
      timer = this.clock.schedule(this.target.heartbeatMs, check);
      if (this.alive || this.outstanding === 0 || !this.surroundings.connection.connected) this.missed = 0;
      else this.missed++;
      this.alive = false;
      if (this.missed < MAX_MISSED) return;
      this.missed = 0;
      this.hooks.lost(coreError("CONSUMER_LOST", `${this.name} gives no sign of life`, { retryable: true }));
    };
    timer = this.clock.schedule(this.target.heartbeatMs, check);
    return { cancel: () => timer.cancel() };
  }

  private get clock() {
    return this.surroundings.api.transport.clock;
  }

  private get name(): string {
    return `Consumer ${this.target.consumer} of ${this.target.stream}`;
  }
}
