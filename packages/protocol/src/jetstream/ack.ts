import { ACK_PREFIX } from "./api-subjects.js";
import { parseGoDuration } from "./go-duration.js";

/** What a client says about a delivered message. */
export type Ack =
  | { readonly kind: "ack" }
  /** Deliver again, after `delayNs` nanoseconds when given. `invalidDelay`: the delay could not be read. */
  | { readonly kind: "nak"; readonly delayNs: number | undefined; readonly invalidDelay?: string }
  | { readonly kind: "progress" }
  /** Acknowledge and pull: `request` is the body of a pull request. */
  | { readonly kind: "next"; readonly request: string }
  | { readonly kind: "term"; readonly reason: string }
  | { readonly kind: "unknown" };

const ACK: Ack = { kind: "ack" };
const PROGRESS: Ack = { kind: "progress" };
const NAK: Ack = { kind: "nak", delayNs: undefined };
const UNKNOWN: Ack = { kind: "unknown" };

/**
 * Reads the payload of an acknowledgement: empty or `+ACK` or `+OK`, `-NAK [delay]`, `+WPI`,
 * `+NXT [request]`, `+TERM [reason]`.
 *
 * Source: nats-server consumer.go `processAck`, `processNak`.
 */
export function parseAck(payload: Uint8Array): Ack {
  if (payload.length === 0) return ACK;
  // The plain +ACK is what nearly every message gets: no string for it.
  if (payload.length === 4 && payload[0] === 0x2b && payload[1] === 0x41 && payload[2] === 0x43) return ACK;
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  if (text === "+OK") return ACK;
  if (text === "+WPI") return PROGRESS;
  if (text.startsWith("+NXT")) return { kind: "next", request: text.slice(4) };
  if (text.startsWith("-NAK")) return parseNak(text.slice(4).trim());
  if (text.startsWith("+TERM")) return { kind: "term", reason: text.slice(5).trim() };
  return UNKNOWN;
}

function parseNak(argument: string): Ack {
  if (argument === "") return NAK;
  const delayNs = argument.startsWith("{") ? parseJsonDelay(argument) : parseGoDuration(argument);
  if (delayNs === undefined) return { kind: "nak", delayNs, invalidDelay: argument };
  return { kind: "nak", delayNs };
}

function parseJsonDelay(json: string): number | undefined {
  try {
    const { delay } = JSON.parse(json) as { delay?: unknown };
    if (delay === undefined || delay === null) return 0;
    return typeof delay === "number" && Number.isInteger(delay) ? delay : undefined;
  } catch {
    return undefined;
  }
}

/** The numbers in an acknowledgement's subject. */
export interface AckPosition {
  /** `<stream>.<consumer>`. */
  readonly consumerKey: string;
  /** How often the message was delivered, with this delivery. */
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
}

/** Key under which {@link parseAckSubject} names a consumer. */
export function ackConsumerKey(stream: string, consumer: string): string {
  return `${stream}.${consumer}`;
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<timestamp ns>.<pending>`.
 *
 * @returns undefined when the subject has another form.
 * Source: nats-server consumer.go `ackReplyInfo` (nine tokens).
 */
export function parseAckSubject(subject: string): AckPosition | undefined {
  if (!subject.startsWith(ACK_PREFIX)) return undefined;
  const streamEnd = subject.indexOf(".", ACK_PREFIX.length);
  const consumerEnd = subject.indexOf(".", streamEnd + 1);
  const deliveriesEnd = subject.indexOf(".", consumerEnd + 1);
  const streamSequenceEnd = subject.indexOf(".", deliveriesEnd + 1);
  const consumerSequenceEnd = subject.indexOf(".", streamSequenceEnd + 1);
  const timestampEnd = subject.indexOf(".", consumerSequenceEnd + 1);
  if (streamEnd < 0 || consumerEnd < 0 || deliveriesEnd < 0 || streamSequenceEnd < 0) return undefined;
  if (consumerSequenceEnd < 0 || timestampEnd < 0 || subject.indexOf(".", timestampEnd + 1) >= 0)
    return undefined;
  return {
    consumerKey: subject.slice(ACK_PREFIX.length, consumerEnd),
    deliveries: parseDigits(subject, consumerEnd + 1, deliveriesEnd),
    streamSequence: parseDigits(subject, deliveriesEnd + 1, streamSequenceEnd),
    consumerSequence: parseDigits(subject, streamSequenceEnd + 1, consumerSequenceEnd),
  };
}

/** Digits as a number; -1 for anything else. */
function parseDigits(text: string, start: number, end: number): number {
  if (start === end) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = text.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** A delivery, as its acknowledgement subject names it. */
export interface Delivery {
  readonly deliveries: number;
  readonly streamSequence: number;
  readonly consumerSequence: number;
  readonly timestampUs: number;
  /** Messages that match the consumer and are not delivered yet. */
  readonly pending: number;
}

/**
 * Writes the subject under which a delivery is acknowledged.
 *
 * @param prefix - `$JS.ACK.<stream>.<consumer>.`, made once per consumer.
 */
export function ackSubject(prefix: string, delivery: Delivery): string {
  const { deliveries, streamSequence, consumerSequence, timestampUs, pending } = delivery;
  // Microseconds as nanoseconds: three digits more, exact where a multiplication would not be.
  return `${prefix}${deliveries}.${streamSequence}.${consumerSequence}.${timestampUs}000.${pending}`;
}
