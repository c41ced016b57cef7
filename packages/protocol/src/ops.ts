/** A message on the wire, as both directions carry it. */
export interface WireMessage {
  readonly subject: string;
  readonly reply?: string | undefined;
  /** Encoded header block; undefined when the message has none. */
  readonly headers?: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/**
 * One operation a client sends, as a value. The parser calls a {@link ClientOperationVisitor} instead of creating
 * these; they are for tests, tools and everything that is not in a hurry.
 */
export type ClientOperation =
  | { readonly op: "CONNECT"; readonly json: string }
  | ({ readonly op: "PUB" } & WireMessage)
  | {
      readonly op: "SUB";
      readonly subject: string;
      readonly queue?: string | undefined;
      readonly sid: string;
    }
  | { readonly op: "UNSUB"; readonly sid: string; readonly max?: number | undefined }
  | { readonly op: "PING" }
  | { readonly op: "PONG" }
  | { readonly op: "INFO"; readonly json: string }
  | { readonly op: "+OK" }
  | { readonly op: "-ERR"; readonly text: string };

/** One operation a server sends, as a value. */
export type ServerOperation =
  | { readonly op: "INFO"; readonly json: string }
  | ({ readonly op: "MSG"; readonly sid: string } & WireMessage)
  | { readonly op: "PING" }
  | { readonly op: "PONG" }
  | { readonly op: "+OK" }
  | { readonly op: "-ERR"; readonly text: string };

/**
 * A PUB, HPUB, MSG or HMSG in the bytes it arrived in. One instance is reused for every message: ranges are valid
 * only during the visitor's call, and `bytes` too unless `retainable` is true.
 *
 * ```text
 * PUB  subject reply 5\r\nhello\r\n          HPUB subject reply 12 17\r\nNATS/1.0\r\n\r\nhello\r\n
 *      ^subjectStart                              ^subjectStart
 *              ^tailStart  ^dataStart                     ^tailStart    ^dataStart
 *                               ^dataEnd                                               ^dataEnd
 * ```
 *
 * From `tailStart` to `dataEnd + 2` the bytes are canonical (single spaces, CRLF) whatever the peer sent, so that a
 * server can forward this range unchanged behind its own `MSG subject sid `.
 */
export interface MessageFrame {
  readonly bytes: Uint8Array;
  readonly subjectStart: number;
  readonly subjectEnd: number;
  /** Only of MSG and HMSG; equal to `sidEnd` otherwise. */
  readonly sidStart: number;
  readonly sidEnd: number;
  /** Equal to `replyEnd` when there is no reply subject. */
  readonly replyStart: number;
  readonly replyEnd: number;
  /** Where the reply subject, or without one the size digits begin. */
  readonly tailStart: number;
  /** Whether the operation was HPUB or HMSG. */
  readonly isHeaderOperation: boolean;
  /** Size of the header block at the front of the data; 0 when there is none. */
  readonly headerSizeBytes: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  /** True when nobody will write into `bytes` again, so that a range of it may be kept instead of copied. */
  readonly retainable: boolean;
}

/** A message of a client, to be forwarded. */
export interface PublishedFrame extends MessageFrame {
  /**
   * Whether the control line is, byte for byte, that of the message the visitor was given before. What it found out
   * about subject and reply then holds again.
   */
  readonly isRepeated: boolean;
  /** The bytes from `tailStart` to `dataEnd + 2`, made once however often they are asked for. */
  tail(): Uint8Array;
}

/** Receives what a client sends. Calls are synchronous; `stop()` of the parser may be called in them. */
export interface ClientOperationVisitor {
  connect(json: string): void;
  /** Another operation comes first where CONNECT is required. @returns whether to let it pass; absent: no. */
  withoutConnect?(): boolean;
  publish(frame: PublishedFrame): void;
  /** @param sid - one character per byte (Latin-1), since it goes back as it came. */
  subscribe(subject: string, queue: string | undefined, sid: string): void;
  /** @param max - messages after which the subscription ends, counted from its start; 0 or less: at once. */
  unsubscribe(sid: string, max: number): void;
  ping(): void;
  pong(): void;
  /** Clients may send INFO, +OK and -ERR; servers pay no attention to the first two. */
  info(json: string): void;
  ok(): void;
  error(text: string): void;
}

/** Receives what a server sends. */
export interface ServerOperationVisitor {
  info(json: string): void;
  message(frame: MessageFrame): void;
  ping(): void;
  pong(): void;
  ok(): void;
  /** @param text - with its quotes, such as `'Stale Connection'`. */
  error(text: string): void;
}

/** Why a parser gave up on a peer. */
export type ProtocolFaultKind =
  /** Not an operation, or a payload that is not followed by CRLF. */
  | "unknown-operation"
  /** Wrong number or form of arguments. */
  | "bad-arguments"
  | "control-line-too-long"
  | "payload-too-large"
  /** HPUB without having agreed on headers. */
  | "headers-not-supported"
  /** Another operation than CONNECT came first although CONNECT is required. */
  | "connect-required";

/** A violation of the protocol by the peer. The parser takes nothing more after it. */
export interface ProtocolFault {
  readonly kind: ProtocolFaultKind;
  /** What was found, with an excerpt of the bytes. For the log. */
  readonly detail: string;
}
