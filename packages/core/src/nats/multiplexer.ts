import { randomBytes } from "node:crypto";
import type { MessageFrame } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import { Deadlines, Expiring } from "../timing/deadlines.js";
import { HeaderBlock } from "../transport/header-block.js";
import type { Payload } from "../transport/message.js";
import type { PendingReply, SendOptions } from "../transport/transport.js";
import type { Link } from "./link.js";
import type { ResolvedNatsOptions } from "./nats-options.js";
import { WireMessage } from "./wire-message.js";

const NO_RESPONDERS = 503;

/**
 * All requests of a connection over one subscription: each reply subject is the connection's inbox and a number,
 * which finds the waiting call without decoding the subject.
 */
export class Multiplexer {
  private readonly waiting = new Map<number, Waiting>();
  private readonly deadlines: Deadlines;
  /** With its final dot. */
  private readonly inbox: string;
  private nextToken = 1;
  private started = false;

  constructor(
    private readonly connection: Link,
    options: ResolvedNatsOptions,
  ) {
    this.deadlines = new Deadlines(options.clock);
    this.inbox = `${options.inboxPrefix}.${randomBytes(16).toString("hex")}.`;
    connection.onStatus((status) => {
      if (status.type === "closed") this.failAll(coreError("CONNECTION_CLOSED", "The connection was closed"));
      else if (status.type === "error") this.failDenied(status.error);
    });
  }

  /** @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED`, `BUFFER_FULL`, `INVALID_SUBJECT` */
  send(subject: string, data: Payload, options: SendOptions): PendingReply {
    if (!this.started) this.start();
    const token = this.nextToken++;
    const reply = this.inbox + token;
    const { headers } = options;
    this.connection.publish({
      subject,
      reply,
      headers: headers === undefined ? undefined : HeaderBlock.of(headers),
      data,
    });
    const waiting = new Waiting(this, token, { subject, inbox: reply, options });
    this.waiting.set(token, waiting);
    this.deadlines.add(waiting, options.timeoutMs);
    return waiting;
  }

  /** @internal */
  forget(waiting: Waiting): void {
    this.waiting.delete(waiting.token);
    this.deadlines.remove(waiting);
  }

  /** @internal */
  extend(waiting: Waiting, timeoutMs: number): void {
    if (this.waiting.has(waiting.token)) this.deadlines.add(waiting, timeoutMs);
  }

  /** The first request subscribes; the server works on it before the request that follows it. */
  private start(): void {
    this.connection.subscribe({
      subject: `${this.inbox}*`,
      queue: undefined,
      receive: (frame) => this.receive(frame),
      onError: (error) => this.failAll(error),
    });
    this.started = true;
  }

  private receive(frame: MessageFrame): void {
    const { bytes, subjectEnd } = frame;
    let token = 0;
    for (let at = frame.subjectStart + this.inbox.length; at < subjectEnd; at++) {
      token = token * 10 + (bytes[at] as number) - 0x30; // digits, or a token nobody waits for
    }
    const waiting = this.waiting.get(token);
    if (waiting === undefined) return;
    const message = new WireMessage(frame);
    if (message.isStatus && message.headers.status === NO_RESPONDERS) {
      waiting.fail(
        coreError("NO_RESPONDERS", `Nobody listens on ${waiting.subject}`, {
          retryable: true,
          details: { subject: waiting.subject },
        }),
      );
    } else {
      waiting.reply(message);
    }
  }

  private failAll(error: Error): void {
    for (const waiting of [...this.waiting.values()]) waiting.fail(error);
  }

  /** A publish that is not allowed is told without saying which one: fail all that went to its subject. */
  private failDenied(error: Error): void {
    const [, subject] = /^Permissions Violation for Publish to "([^"]+)"/.exec(error.message) ?? [];
    if (subject === undefined) return;
    for (const waiting of [...this.waiting.values()]) {
      if (waiting.subject === subject) waiting.fail(error);
    }
  }
}

class Waiting extends Expiring implements PendingReply {
  readonly subject: string;
  readonly inbox: string;
  private readonly options: SendOptions;

  constructor(
    private readonly owner: Multiplexer,
    readonly token: number,
    call: { readonly subject: string; readonly inbox: string; readonly options: SendOptions },
  ) {
    super();
    this.subject = call.subject;
    this.inbox = call.inbox;
    this.options = call.options;
  }

  reply(message: WireMessage): void {
    if (this.options.many !== true) this.owner.forget(this);
    this.options.onReply(undefined, message);
  }

  fail(error: Error): void {
    this.owner.forget(this);
    this.options.onReply(error, undefined);
  }

  override expire(): void {
    const { timeoutMs } = this.options;
    this.fail(
      coreError("TIMEOUT", `No answer from ${this.subject} within ${timeoutMs} ms`, {
        retryable: true,
        details: { subject: this.subject, timeoutMs },
      }),
    );
  }

  cancel(): void {
    this.owner.forget(this);
  }

  extend(timeoutMs: number): void {
    this.owner.extend(this, timeoutMs);
  }
}
