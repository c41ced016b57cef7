import { decodeText } from "./control-line.js";
import type { ReusedFrame } from "./message-frame.js";
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

  protected override step(at: number): number {
    const { bytes } = this;
    const first = bytes[at] as number; // at < end
    switch (first | 0x20) {
      case LETTER.m:
        return this.message(at, MSG);
      case LETTER.h:
        return this.message(at, HMSG);
      case LETTER.p:
        return this.keepalive(at);
      case LETTER.i:
        return this.info(at);
      default:
        return this.status(at);
    }
  }

  private message(at: number, shape: MessageShape): number {
    const behind = this.matchVerb(at, shape.hasHeaders ? "hmsg" : "msg");
    const from = behind < 0 ? -1 : this.skipBlanks(behind);
    if (from < 0) return -1;
    const next = this.readMessage(at, from, shape);
    if (next >= 0) this.emit(this.frame);
    return next;
  }

  protected override emit(frame: ReusedFrame): void {
    this.visitor.message(frame);
  }

  private keepalive(at: number): number {
    if (at + 1 >= this.end) return this.unfinished();
    const isPing = ((this.bytes[at + 1] as number) | 0x20) === LETTER.i; // at + 1 < end
    const behind = this.matchVerb(at, isPing ? "ping" : "pong");
    if (behind < 0 || !this.scanLine(behind)) return -1;
    if (isPing) this.visitor.ping();
    else this.visitor.pong();
    return this.line.lf + 1;
  }

  private info(at: number): number {
    const behind = this.matchVerb(at, "info");
    const from = behind < 0 ? -1 : this.skipOptionalBlanks(behind);
    if (from < 0 || !this.scanLine(from)) return -1;
    const next = this.line.lf + 1;
    this.visitor.info(decodeText(this.bytes, from, this.line.contentEnd));
    return next;
  }

  private status(at: number): number {
    if (this.bytes[at] === PLUS) {
      const behind = this.matchVerb(at, "+ok");
      if (behind < 0 || !this.scanLine(behind)) return -1;
      this.visitor.ok();
      return this.line.lf + 1;
    }
    if (this.bytes[at] !== MINUS) return this.fail("unknown-operation", at);
    const behind = this.matchVerb(at, "-err");
    const from = behind < 0 ? -1 : this.skipBlanks(behind);
    if (from < 0 || !this.scanLine(from)) return -1;
    this.visitor.error(decodeText(this.bytes, from, this.line.contentEnd));
    return this.line.lf + 1;
  }
}
