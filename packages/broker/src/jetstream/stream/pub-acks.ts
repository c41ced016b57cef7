import { type ApiError, apiError } from "@ganglion/protocol";
import type { AccountBus } from "../account-bus.js";

/** What an acknowledgement says beside stream and sequence. */
export interface AckDetails {
  /** New total of a counter. */
  readonly val?: string;
  readonly batchId?: string;
  /** Messages of the batch. */
  readonly count?: number;
  readonly duplicate?: boolean;
}

interface WaitingAck {
  /** It is sent once this sequence is durable. */
  readonly afterSequence: number;
  readonly reply: string;
  readonly sequence: number;
  readonly tail: Buffer;
}

const ZERO = 0x30;
/** Digits of the highest sequence, 2^53 - 1. */
const MOST_DIGITS = 16;
const FIRST_END = Buffer.from("}");
const DUPLICATE_END = Buffer.from(',"duplicate": true}');

/** Writes acknowledgements, into the same memory every time. */
class AckWriter {
  private bytes: Buffer;
  private readonly start: number;

  /** @param prefix - everything in front of the sequence. */
  constructor(prefix: string) {
    const start = Buffer.from(prefix);
    this.start = start.length;
    this.bytes = Buffer.concat([start], start.length + MOST_DIGITS + DUPLICATE_END.length);
  }

  write(sequence: number, tail: Buffer): Uint8Array {
    const largest = this.start + MOST_DIGITS + tail.length;
    if (largest > this.bytes.length) this.bytes = Buffer.concat([this.bytes], largest);
    const { bytes } = this;
    let end = this.start;
    for (let rest = sequence; rest >= 1 || end === this.start; rest = Math.floor(rest / 10)) end++;
    let rest = sequence;
    for (let at = end - 1; at >= this.start; at--) {
      const quotient = Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - quotient * 10);
      rest = quotient;
    }
    for (let i = 0; i < tail.length; i++) bytes[end++] = tail[i] as number; // i is in range
    return bytes.subarray(0, end);
  }
}

/** Answers to publishers. An acknowledgement waits until its message is durable. */
export class PubAcks {
  private waiting: WaitingAck[] = [];
  private head = 0;
  private readonly writer: AckWriter;
  private readonly streamName: string;

  constructor(
    private readonly bus: AccountBus,
    streamName: string,
    domain: string | undefined,
  ) {
    this.streamName = streamName;
    // With the spaces nats-server writes, for whoever looks at the text.
    const domainField = domain === undefined ? "" : `"domain":${JSON.stringify(domain)}, `;
    this.writer = new AckWriter(`{"stream":${JSON.stringify(streamName)}, ${domainField}"seq":`);
  }

  /** Acknowledges the message at `sequence` once it is durable. */
  add(reply: string, sequence: number, details?: AckDetails): void {
    const tail = details === undefined ? FIRST_END : tailOf(details);
    this.waiting.push({ afterSequence: sequence, reply, sequence, tail });
  }

  /** Acknowledges what is durable. */
  acknowledge(reply: string, sequence: number, details: AckDetails): void {
    this.send(reply, this.writer.write(sequence, tailOf(details)));
  }

  /** Answers a repeated publish with the `sequence` of the first one, once all up to `afterSequence` is durable. */
  addDuplicate(reply: string, sequence: number, afterSequence: number): void {
    this.waiting.push({ afterSequence, reply, sequence, tail: DUPLICATE_END });
  }

  /** Sends what waited for `durableSequence`. */
  release(durableSequence: number): void {
    for (let ack = this.waiting[this.head]; ack !== undefined; ack = this.waiting[this.head]) {
      if (ack.afterSequence > durableSequence) break;
      this.head++;
      this.send(ack.reply, this.writer.write(ack.sequence, ack.tail));
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
    this.send(reply, Buffer.from(JSON.stringify({ error, stream: this.streamName, seq: 0 })));
  }

  send(reply: string, data: Uint8Array): void {
    this.bus.publish({ subject: reply, headerSizeBytes: 0, data });
  }

  private compact(): void {
    if (this.head === this.waiting.length) this.waiting.length = 0;
    else if (this.head < 1024) return;
    else this.waiting = this.waiting.slice(this.head);
    this.head = 0;
  }
}

/** In the spelling of nats-server. */
function tailOf({ val, batchId, count, duplicate }: AckDetails): Buffer {
  const fields = [
    ...(duplicate === true ? ['"duplicate": true'] : []),
    ...(batchId === undefined ? [] : [`"batch":${JSON.stringify(batchId)},"count":${count}`]),
    ...(val === undefined ? [] : [`"val":${JSON.stringify(val)}`]),
  ];
  return Buffer.from(`,${fields.join(",")}}`);
}
