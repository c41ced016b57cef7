import type { MessageFrame } from "@ganglion/protocol";
import type { ConsumedMessage } from "../../transport/message.js";
import { WireMessage } from "../wire-message.js";
import { toNs } from "./nanoseconds.js";

/** Who a delivered message is settled with. */
export interface Settlement {
  readonly stream: string;
  readonly consumer: string;
  /** False when the consumer expects no acknowledgements. */
  readonly acknowledges: boolean;
  /** Whether the server takes a reason with a terminate. */
  readonly takesReasons: boolean;
  /** Sends an acknowledgement. */
  send(ackSubject: string, body: string, isAscii: boolean): void;
  /** Sends one and waits for the server's answer. */
  sendDurable(ackSubject: string, timeoutMs: number): Promise<void>;
  /** The message is settled. */
  settled(message: DeliveredMessage): void;
}

const DOT = 0x2e;
const DEFAULT_ACK_TIMEOUT_MS = 5_000;
/**
 * Tokens of an acknowledgement subject: `$JS.ACK.<stream>.<consumer>` and five numbers. Newer servers put a domain
 * and an account hash in front of the stream and may add a token behind.
 *
 * Source: ADR-15 (JetStream Subject for Acks).
 */
const PLAIN_TOKENS = 9;
const FIRST_NUMBER = 4;
const FIRST_NUMBER_WITH_DOMAIN = 6;

/** Where the tokens of the subject begin that is being looked at; nothing is kept in it. */
const starts = new Int32Array(16);

/** The numbers of an acknowledgement subject; one that is missing reads as 0. */
export class AckNumbers {
  readonly deliveryCount: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
  readonly timestampNs: number;
  readonly pending: number;

  /** Reads the reply subject of a delivery. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    const first = start + prefixBytes(bytes, start, end);
    let at = first;
    const next = () => {
      let value = 0;
      // Digits are what servers send.
      for (; at < end && bytes[at] !== DOT; at++) value = value * 10 + (bytes[at] as number) - 0x30;
      at++;
      return value;
    };
    this.deliveryCount = next();
    this.streamSequence = next();
    this.consumerSequence = next();
    this.timestampNs = next();
    this.pending = next();
  }
}

/** How often the message was delivered, the one number that is needed of every delivery. */
export function deliveryCountOf(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start + prefixBytes(bytes, start, end); at < end && bytes[at] !== DOT; at++) {
    count = count * 10 + (bytes[at] as number) - 0x30;
  }
  return count;
}

/** Length of what stands in front of the first number. */
function prefixBytes(bytes: Uint8Array, start: number, end: number): number {
  starts[0] = 0;
  let tokens = 1;
  for (let at = start; at < end; at++) if (bytes[at] === DOT) starts[tokens++] = at + 1 - start;
  const first = tokens === PLAIN_TOKENS ? FIRST_NUMBER : FIRST_NUMBER_WITH_DOMAIN;
  return first < tokens ? (starts[first] as number) : end - start;
}

/** A delivery of a pull consumer. */
export class DeliveredMessage extends WireMessage implements ConsumedMessage {
  private lazyNumbers: AckNumbers | undefined;
  private done = false;

  constructor(
    frame: MessageFrame,
    private readonly settlement: Settlement,
  ) {
    super(frame);
  }

  get stream(): string {
    return this.settlement.stream;
  }
  get consumer(): string {
    return this.settlement.consumer;
  }
  get sequence(): number {
    return this.numbers.streamSequence;
  }
  get deliveryCount(): number {
    return deliveryCountOf(this.bytes, this.replyStart, this.replyEnd);
  }
  get pending(): number {
    return this.numbers.pending;
  }
  get timestampMs(): number {
    return this.numbers.timestampNs / 1e6;
  }
  get settled(): boolean {
    return this.done;
  }

  ack(): void {
    // An empty body acknowledges. Source: nats-server consumer.go `processAck`.
    this.settle("");
  }

  async ackDurable(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.done) return;
    this.done = true;
    try {
      if (this.settlement.acknowledges) {
        await this.settlement.sendDurable(this.ackSubject, options.timeoutMs ?? DEFAULT_ACK_TIMEOUT_MS);
      }
    } finally {
      this.settlement.settled(this);
    }
  }

  nak(delayMs = 0): void {
    this.settle(delayMs > 0 ? `-NAK {"delay": ${toNs(delayMs)}}` : "-NAK");
  }

  term(reason?: string): void {
    // Older servers compare the whole body with +TERM. Source: nats-server v2.9.10 consumer.go `processAck`.
    this.settle(reason !== undefined && this.settlement.takesReasons ? `+TERM ${oneLine(reason)}` : "+TERM");
  }

  working(): void {
    if (!this.done && this.settlement.acknowledges) this.send("+WPI");
  }

  /** Another acknowledgement covers this message: ack policy `all`. */
  covered(): void {
    if (this.done) return;
    this.done = true;
    this.settlement.settled(this);
  }

  private settle(body: string): void {
    if (this.done) return;
    this.done = true;
    if (this.settlement.acknowledges) this.send(body);
    this.settlement.settled(this);
  }

  private send(body: string): void {
    const { ackSubject } = this;
    this.settlement.send(ackSubject, body, ackSubject.length === this.replyEnd - this.replyStart);
  }

  private get ackSubject(): string {
    return this.bytes.toString("utf8", this.replyStart, this.replyEnd);
  }

  private get numbers(): AckNumbers {
    this.lazyNumbers ??= new AckNumbers(this.bytes, this.replyStart, this.replyEnd);
    return this.lazyNumbers;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 200);
}
