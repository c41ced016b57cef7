import type { HeaderBlock, HeaderEntry } from "./header-block.js";

/** Body of an outgoing message. Text is sent as UTF-8; bytes must not be changed after they were handed over. */
export type Payload = string | Uint8Array;

/** Headers of an outgoing message: entries, or a block that was encoded before, as hot paths do it. */
export type OutgoingHeaders = HeaderBlock | readonly HeaderEntry[];

/** Headers of a received message. Decoded on demand: a message whose headers nobody reads costs nothing. */
export interface IncomingHeaders {
  /** First value of a header; names are compared without regard to case. */
  get(name: string): string | undefined;
  /** All header lines, in the order they arrived. */
  entries(): readonly HeaderEntry[];
  /** Status in the first line, such as 503 for no responders; 0 when there is none. */
  readonly status: number;
  /** Text beside the status; empty when there is none. */
  readonly statusText: string;
}

/** A message as it arrived. It stays valid after the callback; `data` must not be written to. */
export interface IncomingMessage {
  readonly subject: string;
  /** Subject an answer goes to. */
  readonly reply: string | undefined;
  readonly headers: IncomingHeaders;
  /** Payload without headers; empty when there is none. */
  readonly data: Uint8Array;
  /** Payload as text, read as UTF-8. */
  text(): string;
}

/** A message of a stream, as direct get and ordered reads return it. */
export interface StoredMessage {
  readonly subject: string;
  readonly headers: IncomingHeaders;
  /** Empty for headers-only reads. */
  readonly data: Uint8Array;
  /** Payload as text, read as UTF-8. */
  text(): string;
  /** Position in the stream, from 1. */
  readonly sequence: number;
  /** When the server stored it, milliseconds since 1970-01-01 UTC, with a fraction. */
  readonly timestampMs: number;
}

/** A stored message on its way to a consumer, which has to settle it. */
export interface ConsumedMessage extends StoredMessage {
  readonly stream: string;
  readonly consumer: string;
  /** How often the message was delivered, this time included: 1 is the first delivery. */
  readonly deliveryCount: number;
  /** Messages of the consumer still waiting in the stream behind this one. */
  readonly pending: number;
  /** True once one of ack, ackDurable, nak or term was called; further calls do nothing. */
  readonly settled: boolean;
  /** Marks it as done. Sent without waiting: a lost ack means a redelivery. */
  ack(): void;
  /**
   * Marks it as done and waits until the server has stored that.
   *
   * @throws GanglionError `TIMEOUT`, `NO_RESPONDERS`, `CONNECTION_CLOSED`
   */
  ackDurable(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Gives it back for redelivery, after `delayMs` milliseconds when given. */
  nak(delayMs?: number): void;
  /** Gives it up: it is not delivered to this consumer again. `reason` is seen by servers from 2.10.4 on. */
  term(reason?: string): void;
  /** Tells the server that work goes on, which starts the ack wait anew. */
  working(): void;
}
