import { decodeText, parseSize } from "./control-line.js";
import type { ClientOperationVisitor } from "./ops.js";
import { type MessageShape, OperationParser, type ParserLimits } from "./parser.js";

const PUB: MessageShape = { leading: 1, hasHeaders: false };
const HPUB: MessageShape = { leading: 1, hasHeaders: true };
const SPACE = 0x20;
const LETTER = { c: 0x63, h: 0x68, i: 0x69, n: 0x6e, o: 0x6f, p: 0x70, s: 0x73, u: 0x75 } as const;
const PLUS = 0x2b;
const MINUS = 0x2d;

/** Options of a {@link ClientOperationParser}. */
export interface ClientOperationParserOptions extends ParserLimits {
  /** Whether HPUB is allowed; it depends on CONNECT. @default true */
  readonly allowHeaders?: boolean;
  /** Whether nothing but CONNECT is allowed yet. @default false */
  readonly connectOnly?: boolean;
}

/**
 * Reads what clients send: the parser of a server. Verbs are case-insensitive; arguments are separated by spaces or
 * tabs; the CR of a control line is optional, a payload is followed by exactly CRLF.
 *
 * Source: nats-server parser.go `client.parse`.
 */
export class ClientOperationParser extends OperationParser {
  allowHeaders: boolean;
  connectOnly: boolean;

  constructor(
    private readonly visitor: ClientOperationVisitor,
    options: ClientOperationParserOptions = {},
  ) {
    super(options);
    this.allowHeaders = options.allowHeaders ?? true;
    this.connectOnly = options.connectOnly ?? false;
  }

  protected override step(bytes: Uint8Array, at: number, end: number): number {
    const first = (bytes[at] as number) | 0x20; // at < end
    if (this.connectOnly && first !== LETTER.c) return this.fail("connect-required", bytes, at, end);
    // The common verb first, compared in one go.
    if (
      first === LETTER.p &&
      at + 4 < end &&
      bytes[at + 3] === SPACE &&
      ((bytes[at + 1] as number) | 0x20) === LETTER.u &&
      ((bytes[at + 2] as number) | 0x20) === 0x62
    ) {
      return this.publish(bytes, at, at + 3, end, PUB);
    }
    switch (first) {
      case LETTER.p:
        return this.stepP(bytes, at, end);
      case LETTER.h:
        return this.publish(bytes, at, this.matchVerb(bytes, at, end, "hpub"), end, HPUB);
      case LETTER.s:
        return this.subscribe(bytes, at, end);
      case LETTER.u:
        return this.unsubscribe(bytes, at, end);
      case LETTER.c:
        return this.json(bytes, at, end, "connect");
      case LETTER.i:
        return this.json(bytes, at, end, "info");
      default:
        return this.stepStatus(bytes, at, end);
    }
  }

  private stepP(bytes: Uint8Array, at: number, end: number): number {
    if (at + 1 >= end) return this.unfinished();
    const second = (bytes[at + 1] as number) | 0x20; // at + 1 < end
    if (second === LETTER.u) return this.publish(bytes, at, this.matchVerb(bytes, at, end, "pub"), end, PUB);
    const isPing = second === LETTER.i;
    const behind = this.matchVerb(bytes, at, end, isPing ? "ping" : "pong");
    if (behind < 0 || !this.scanLine(bytes, behind, end)) return -1;
    if (isPing) this.visitor.ping();
    else this.visitor.pong();
    return this.line.lf + 1;
  }

  private stepStatus(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === PLUS) {
      const behind = this.matchVerb(bytes, at, end, "+ok");
      if (behind < 0 || !this.scanLine(bytes, behind, end)) return -1;
      this.visitor.ok();
      return this.line.lf + 1;
    }
    if (bytes[at] !== MINUS) return this.fail("unknown-operation", bytes, at, end);
    const from = this.arguments(bytes, this.matchVerb(bytes, at, end, "-err"), end);
    if (from < 0) return -1;
    this.visitor.error(decodeText(bytes, from, this.line.contentEnd));
    return this.line.lf + 1;
  }

  private publish(
    bytes: Uint8Array,
    at: number,
    behindVerb: number,
    end: number,
    shape: MessageShape,
  ): number {
    if (shape.hasHeaders && behindVerb >= 0 && !this.allowHeaders) {
      return this.fail("headers-not-supported", bytes, at, end);
    }
    const from = behindVerb < 0 ? -1 : this.skipBlanks(bytes, behindVerb, end);
    if (from < 0) return -1;
    const next = this.readMessage(bytes, at, from, end, shape);
    if (next >= 0) this.visitor.publish(this.frame);
    return next;
  }

  /** Scans the arguments behind a verb that needs a blank. @returns where they begin, or -1. */
  private arguments(bytes: Uint8Array, behindVerb: number, end: number): number {
    const from = behindVerb < 0 ? -1 : this.skipBlanks(bytes, behindVerb, end);
    return from >= 0 && this.scanLine(bytes, from, end) ? from : -1;
  }

  private subscribe(bytes: Uint8Array, at: number, end: number): number {
    if (this.arguments(bytes, this.matchVerb(bytes, at, end, "sub"), end) < 0) return -1;
    const { line } = this;
    if (line.count < 2 || line.count > 3) return this.fail("bad-arguments", bytes, at, end);
    const queue = line.count === 3 ? line.text(bytes, 1) : undefined;
    this.visitor.subscribe(line.text(bytes, 0), queue, line.text(bytes, line.count - 1));
    return line.lf + 1;
  }

  private unsubscribe(bytes: Uint8Array, at: number, end: number): number {
    if (this.arguments(bytes, this.matchVerb(bytes, at, end, "unsub"), end) < 0) return -1;
    const { line } = this;
    if (line.count < 1 || line.count > 2) return this.fail("bad-arguments", bytes, at, end);
    const max = line.count === 2 ? parseSize(bytes, line.starts[1] as number, line.ends[1] as number) : 0;
    this.visitor.unsubscribe(line.text(bytes, 0), max);
    return line.lf + 1;
  }

  /** CONNECT and INFO need no blank in front of their argument. */
  private json(bytes: Uint8Array, at: number, end: number, verb: "connect" | "info"): number {
    const behind = this.matchVerb(bytes, at, end, verb);
    const from = behind < 0 ? -1 : this.skipOptionalBlanks(bytes, behind, end);
    if (from < 0 || !this.scanLine(bytes, from, end)) return -1;
    const next = this.line.lf + 1;
    const text = decodeText(bytes, from, this.line.contentEnd);
    if (verb === "connect") this.visitor.connect(text);
    else this.visitor.info(text);
    return next;
  }
}
