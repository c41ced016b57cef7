import { decodeText } from "./control-line.js";
import type { ServerOperationVisitor } from "./ops.js";
import { type MessageShape, OperationParser, type ParserLimits } from "./parser.js";

const MSG: MessageShape = { leading: 2, hasHeaders: false };
const HMSG: MessageShape = { leading: 2, hasHeaders: true };
const LETTER = { h: 0x68, i: 0x69, m: 0x6d, p: 0x70 } as const;
const PLUS = 0x2b;
const MINUS = 0x2d;

/** INFO lines are longer than any operation of a client: a server with many cluster addresses lists them all. */
const MAX_SERVER_LINE_BYTES = 1024 * 1024;

/** Reads what servers send: the parser of a client. */
export class ServerOperationParser extends OperationParser {
  constructor(
    private readonly visitor: ServerOperationVisitor,
    limits: ParserLimits = {},
  ) {
    super({
      maxControlLineBytes: MAX_SERVER_LINE_BYTES,
      maxPayloadBytes: Number.MAX_SAFE_INTEGER,
      ...limits,
    });
  }

  protected override step(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at] as number; // at < end
    switch (first | 0x20) {
      case LETTER.m:
        return this.message(bytes, at, end, MSG);
      case LETTER.h:
        return this.message(bytes, at, end, HMSG);
      case LETTER.p:
        return this.keepalive(bytes, at, end);
      case LETTER.i:
        return this.info(bytes, at, end);
      default:
        return this.status(bytes, at, end);
    }
  }

  private message(bytes: Uint8Array, at: number, end: number, shape: MessageShape): number {
    const behind = this.matchVerb(bytes, at, end, shape.hasHeaders ? "hmsg" : "msg");
    const from = behind < 0 ? -1 : this.skipBlanks(bytes, behind, end);
    if (from < 0) return -1;
    const next = this.readMessage(bytes, at, from, end, shape);
    if (next >= 0) this.visitor.message(this.frame);
    return next;
  }

  private keepalive(bytes: Uint8Array, at: number, end: number): number {
    if (at + 1 >= end) return this.unfinished();
    const isPing = ((bytes[at + 1] as number) | 0x20) === LETTER.i; // at + 1 < end
    const behind = this.matchVerb(bytes, at, end, isPing ? "ping" : "pong");
    if (behind < 0 || !this.scanLine(bytes, behind, end)) return -1;
    if (isPing) this.visitor.ping();
    else this.visitor.pong();
    return this.line.lf + 1;
  }

  private info(bytes: Uint8Array, at: number, end: number): number {
    const behind = this.matchVerb(bytes, at, end, "info");
    const from = behind < 0 ? -1 : this.skipOptionalBlanks(bytes, behind, end);
    if (from < 0 || !this.scanLine(bytes, from, end)) return -1;
    const next = this.line.lf + 1;
    this.visitor.info(decodeText(bytes, from, this.line.contentEnd));
    return next;
  }

  private status(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === PLUS) {
      const behind = this.matchVerb(bytes, at, end, "+ok");
      if (behind < 0 || !this.scanLine(bytes, behind, end)) return -1;
      this.visitor.ok();
      return this.line.lf + 1;
    }
    if (bytes[at] !== MINUS) return this.fail("unknown-operation", bytes, at, end);
    const behind = this.matchVerb(bytes, at, end, "-err");
    const from = behind < 0 ? -1 : this.skipBlanks(bytes, behind, end);
    if (from < 0 || !this.scanLine(bytes, from, end)) return -1;
    this.visitor.error(decodeText(bytes, from, this.line.contentEnd));
    return this.line.lf + 1;
  }
}
