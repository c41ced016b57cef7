import { type ApiError, apiError } from "@ganglion/protocol";
import type { AccountBus } from "../account-bus.js";

interface WaitingAck {
  /** It is sent once this sequence is durable. */
  readonly afterSequence: number;
  readonly reply: string;
  readonly sequence: number;
  readonly duplicate: boolean;
}

/** Answers to publishers. An acknowledgement waits until its message is durable. */
export class PubAcks {
  private waiting: WaitingAck[] = [];
  private head = 0;
  private readonly prefix: string;
  private readonly streamName: string;

  constructor(
    private readonly bus: AccountBus,
    streamName: string,
    domain: string | undefined,
  ) {
    this.streamName = streamName;
    // With the spaces nats-server writes, for whoever looks at the text.
    const domainField = domain === undefined ? "" : `"domain":${JSON.stringify(domain)}, `;
    this.prefix = `{"stream":${JSON.stringify(streamName)}, ${domainField}"seq":`;
  }

  /** Acknowledges the message at `sequence` once it is durable. */
  add(reply: string, sequence: number): void {
    this.waiting.push({ afterSequence: sequence, reply, sequence, duplicate: false });
  }

  /** Answers a repeated publish with the `sequence` of the first one, once all up to `afterSequence` is durable. */
  addDuplicate(reply: string, sequence: number, afterSequence: number): void {
    this.waiting.push({ afterSequence, reply, sequence, duplicate: true });
  }

  /** Sends what waited for `durableSequence`. */
  release(durableSequence: number): void {
    for (let ack = this.waiting[this.head]; ack !== undefined; ack = this.waiting[this.head]) {
      if (ack.afterSequence > durableSequence) break;
      this.head++;
      this.send(ack.reply, `${this.prefix}${ack.sequence}${ack.duplicate ? ',"duplicate": true}' : "}"}`);
    }
    this.compact();
  }

  /** Answers all that wait for `fromSequence` or later: their messages were not stored. */
  fail(fromSequence: number, reason: string): void {
    const error = apiError("StreamStoreFailed", { err: reason });
    const failed = this.waiting.slice(this.head).filter((ack) => ack.afterSequence >= fromSequence);
    this.waiting = this.waiting.slice(this.head).filter((ack) => ack.afterSequence < fromSequence);
    this.head = 0;
    for (const ack of failed) this.refuse(ack.reply, error);
  }

  /** Answers a publish that is not taken. */
  refuse(reply: string, error: ApiError): void {
    this.send(reply, JSON.stringify({ error, stream: this.streamName, seq: 0 }));
  }

  private send(reply: string, json: string): void {
    this.bus.publish({ subject: reply, headerSizeBytes: 0, data: Buffer.from(json) });
  }

  private compact(): void {
    if (this.head === this.waiting.length) this.waiting.length = 0;
    else if (this.head < 1024) return;
    else this.waiting = this.waiting.slice(this.head);
    this.head = 0;
  }
}
