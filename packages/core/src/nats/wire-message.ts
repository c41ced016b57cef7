import type { MessageFrame } from "@ganglion/protocol";
import type { HeaderEntry } from "../transport/header-block.js";
import type { IncomingHeaders, IncomingMessage } from "../transport/message.js";

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** Sets the bit that tells lower from upper case in ASCII letters. */
const LOWER = 0x20;
/** `NATS/1.0 ` in front of a status. */
const STATUS_AT = 9;

/** Headers that are read from their bytes when somebody asks. */
export class WireHeaders implements IncomingHeaders {
  /** @param end - index behind the block; equal to `start` when there are no headers. */
  constructor(
    private readonly bytes: Buffer,
    private readonly start: number,
    private readonly end: number,
  ) {}

  get status(): number {
    const { bytes, start, end } = this;
    if (end - start < STATUS_AT + 3 || bytes[start + STATUS_AT - 1] !== SPACE) return 0;
    let status = 0;
    for (let at = start + STATUS_AT; at < start + STATUS_AT + 3; at++) {
      const digit = (bytes[at] as number) - 0x30; // below end
      if (digit < 0 || digit > 9) return 0;
      status = status * 10 + digit;
    }
    return status;
  }

  get statusText(): string {
    const { bytes, start, end } = this;
    const text = bytes.toString("utf8", start, end);
    return text.slice(STATUS_AT + 3, text.indexOf("\r\n")).trim();
  }

  get(name: string): string | undefined {
    const { bytes, end } = this;
    let at = this.start;
    while (at < end) {
      at = bytes.indexOf(LF, at) + 1;
      if (at === 0 || at >= end) return undefined;
      if (bytes[at + name.length] === COLON && this.isName(at, name)) {
        return this.value(at + name.length + 1);
      }
    }
    return undefined;
  }

  /** Lines without a name, as only strangers send them, are left out. */
  entries(): readonly HeaderEntry[] {
    const [, ...lines] = this.bytes.toString("utf8", this.start, this.end).split(/\r?\n/);
    return lines.flatMap((line): readonly HeaderEntry[] => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]];
    });
  }

  private isName(at: number, name: string): boolean {
    for (let i = 0; i < name.length; i++) {
      const a = this.bytes[at + i] as number; // the colon behind the name was found
      const b = name.charCodeAt(i);
      if (a !== b && ((a | LOWER) !== (b | LOWER) || !isLetter(a) || !isLetter(b))) return false;
    }
    return true;
  }

  private value(from: number): string {
    const { bytes } = this;
    let start = from;
    while (bytes[start] === SPACE) start++;
    let end = bytes.indexOf(LF, start);
    if (bytes[end - 1] === CR) end--;
    return bytes.toString("utf8", start, end);
  }
}

function isLetter(code: number): boolean {
  const lower = code | LOWER;
  return lower >= 0x61 && lower <= 0x7a;
}

/** A message in the bytes it arrived in. */
export class WireMessage implements IncomingMessage {
  protected readonly bytes: Buffer;
  protected readonly subjectStart: number;
  protected readonly subjectEnd: number;
  protected readonly replyStart: number;
  protected readonly replyEnd: number;
  protected readonly headerStart: number;
  protected readonly dataStart: number;
  protected readonly dataEnd: number;
  private lazySubject: string | undefined;
  private lazyHeaders: WireHeaders | undefined;

  constructor(frame: MessageFrame) {
    const { bytes, subjectStart } = frame;
    // A frame that may not be kept is copied from its subject on.
    const shift = frame.retainable ? 0 : subjectStart;
    this.bytes = frame.retainable
      ? asBuffer(bytes)
      : Buffer.from(bytes.subarray(subjectStart, frame.dataEnd));
    this.subjectStart = subjectStart - shift;
    this.subjectEnd = frame.subjectEnd - shift;
    this.replyStart = frame.replyStart - shift;
    this.replyEnd = frame.replyEnd - shift;
    this.headerStart = frame.dataStart - shift;
    this.dataStart = this.headerStart + frame.headerSizeBytes;
    this.dataEnd = frame.dataEnd - shift;
  }

  get subject(): string {
    this.lazySubject ??= this.bytes.toString("utf8", this.subjectStart, this.subjectEnd);
    return this.lazySubject;
  }

  get reply(): string | undefined {
    if (this.replyEnd <= this.replyStart) return undefined;
    return this.bytes.toString("utf8", this.replyStart, this.replyEnd);
  }

  get headers(): WireHeaders {
    this.lazyHeaders ??= new WireHeaders(this.bytes, this.headerStart, this.dataStart);
    return this.lazyHeaders;
  }

  get hasHeaders(): boolean {
    return this.dataStart > this.headerStart;
  }

  get data(): Uint8Array {
    return this.bytes.subarray(this.dataStart, this.dataEnd);
  }

  get sizeBytes(): number {
    return this.dataEnd - this.dataStart;
  }

  text(): string {
    return this.bytes.toString("utf8", this.dataStart, this.dataEnd);
  }

  /** A status and nothing else, as servers send them. */
  get isStatus(): boolean {
    return this.dataEnd === this.dataStart && this.hasHeaders && this.headers.status !== 0;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
