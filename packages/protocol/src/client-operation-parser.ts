import { decodeText, parseSize } from "./control-line.js";
import type { ReusedFrame } from "./message-frame.js";
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

  protected override step(at: number): number {
    const { bytes } = this;
    const first = (bytes[at] as number) | 0x20; // at < end
    if (this.connectOnly && first !== LETTER.c && this.visitor.withoutConnect?.() !== true) {
      return this.fail("connect-required", at);
    }
    // The common verb first, compared in one go.
    if (
      first === LETTER.p &&
      at + 4 < this.end &&
      bytes[at + 3] === SPACE &&
      ((bytes[at + 1] as number) | 0x20) === LETTER.u &&
      ((bytes[at + 2] as number) | 0x20) === 0x62
    ) {
      return this.publish(at, at + 3, PUB);
    }
    switch (first) {
      case LETTER.p:
        return this.stepP(at);
      case LETTER.h:
        return this.publish(at, this.matchVerb(at, "hpub"), HPUB);
      case LETTER.s:
        return this.subscribe(at);
      case LETTER.u:
        return this.unsubscribe(at);
      case LETTER.c:
        return this.json(at, "connect");
      case LETTER.i:
        return this.json(at, "info");
      default:
        return this.stepStatus(at);
    }
  }

  private stepP(at: number): number {
    if (at + 1 >= this.end) return this.unfinished();
    const second = (this.bytes[at + 1] as number) | 0x20; // at + 1 < end
    if (second === LETTER.u) return this.publish(at, this.matchVerb(at, "pub"), PUB);
    const isPing = second === LETTER.i;
    const behind = this.matchVerb(at, isPing ? "ping" : "pong");
    if (behind < 0 || !this.scanLine(behind)) return -1;
    if (isPing) this.visitor.ping();
    else this.visitor.pong();
    return this.line.lf + 1;
  }

  private stepStatus(at: number): number {
    if (this.bytes[at] === PLUS) {
      const behind = this.matchVerb(at, "+ok");
      if (behind < 0 || !this.scanLine(behind)) return -1;
      this.visitor.ok();
      return this.line.lf + 1;
    }
    if (this.bytes[at] !== MINUS) return this.fail("unknown-operation", at);
    const from = this.arguments(this.matchVerb(at, "-err"));
    if (from < 0) return -1;
    this.visitor.error(decodeText(this.bytes, from, this.line.contentEnd));
    return this.line.lf + 1;
  }

  private publish(at: number, behindVerb: number, shape: MessageShape): number {
    if (shape.hasHeaders && behindVerb >= 0 && !this.allowHeaders) {
      return this.fail("headers-not-supported", at);
    }
    const from = behindVerb < 0 ? -1 : this.skipBlanks(behindVerb);
    if (from < 0) return -1;
    const next = this.readMessage(at, from, shape);
    if (next >= 0) this.emit(this.frame);
    return next;
  }

  protected override emit(frame: ReusedFrame): void {
    this.visitor.publish(frame);
  }

  /** Scans the arguments behind a verb that needs a blank. @returns where they begin, or -1. */
  private arguments(behindVerb: number): number {
    const from = behindVerb < 0 ? -1 : this.skipBlanks(behindVerb);
    if (from < 0 || !this.scanLine(from)) return -1;
    this.line.split(this.bytes, from);
    return from;
  }

  private subscribe(at: number): number {
    if (this.arguments(this.matchVerb(at, "sub")) < 0) return -1;
    const { line } = this;
    if (line.count < 2 || line.count > 3) return this.fail("bad-arguments", at);
    const queue = line.count === 3 ? line.text(this.bytes, 1) : undefined;
    this.visitor.subscribe(line.text(this.bytes, 0), queue, line.latin1(this.bytes, line.count - 1));
    return line.lf + 1;
  }

  private unsubscribe(at: number): number {
    if (this.arguments(this.matchVerb(at, "unsub")) < 0) return -1;
    const { line } = this;
    if (line.count < 1 || line.count > 2) return this.fail("bad-arguments", at);
    const max =
      line.count === 2 ? parseSize(this.bytes, line.starts[1] as number, line.ends[1] as number) : 0;
    this.visitor.unsubscribe(line.latin1(this.bytes, 0), max);
    return line.lf + 1;
  }

  /** CONNECT and INFO need no blank in front of their argument. */
  private json(at: number, verb: "connect" | "info"): number {
    const behind = this.matchVerb(at, verb);
    const from = behind < 0 ? -1 : this.skipOptionalBlanks(behind);
    if (from < 0 || !this.scanLine(from)) return -1;
    const next = this.line.lf + 1;
    const text = decodeText(this.bytes, from, this.line.contentEnd);
    this.forgetLine();
    if (verb === "connect") this.visitor.connect(text);
    else this.visitor.info(text);
    return next;
  }
}
