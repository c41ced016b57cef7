import { MAX_SIZE_DIGITS } from "./limits.js";

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const ZERO = 0x30;

/** Most arguments an operation takes (`HMSG subject sid reply headers total`), and one to notice too many. */
const MAX_TOKENS = 6;

/** Where the arguments of a control line are. Reused for every line: nothing is allocated per line. */
export class ControlLine {
  /** Index of the first byte of every argument. */
  readonly starts = new Int32Array(MAX_TOKENS);
  /** Index behind the last byte of every argument. */
  readonly ends = new Int32Array(MAX_TOKENS);
  /** How many arguments there are; MAX_TOKENS stands for that many or more. */
  count = 0;
  /** Index behind the last argument byte: of the CR, or without one of the LF. */
  contentEnd = 0;
  /** Index of the LF. */
  lf = 0;

  /**
   * Finds the arguments up to the next LF. Space and tab separate them; a CR before the LF is optional.
   *
   * Source: nats-server parser.go and client.go `processPub`.
   *
   * @returns false when there is no LF before `end`.
   */
  scan(bytes: Uint8Array, from: number, end: number): boolean {
    const { starts, ends } = this;
    let count = 0;
    let tokenStart = -1;
    for (let i = from; i < end; i++) {
      const byte = bytes[i] as number; // i < end <= length
      if (byte > SPACE) {
        if (tokenStart < 0) tokenStart = i;
      } else if (byte === SPACE || byte === TAB) {
        if (tokenStart >= 0) {
          if (count < MAX_TOKENS) {
            starts[count] = tokenStart;
            ends[count++] = i;
          }
          tokenStart = -1;
        }
      } else if (byte === LF) {
        const contentEnd = i > from && bytes[i - 1] === CR ? i - 1 : i;
        if (tokenStart >= 0 && tokenStart < contentEnd && count < MAX_TOKENS) {
          starts[count] = tokenStart;
          ends[count++] = contentEnd;
        }
        this.count = count;
        this.contentEnd = contentEnd;
        this.lf = i;
        return true;
      } else if (tokenStart < 0) {
        tokenStart = i;
      }
    }
    return false;
  }

  /**
   * Finds the arguments of the scanned line anew, with CR as one more separator: that is how SUB and UNSUB are read.
   *
   * Source: nats-server client.go `splitArg`.
   */
  split(bytes: Uint8Array, from: number): void {
    const { starts, ends, contentEnd } = this;
    let count = 0;
    let tokenStart = -1;
    for (let i = from; i <= contentEnd; i++) {
      const byte = bytes[i] as number; // the line's CR or LF is at contentEnd
      const isSeparator = byte === SPACE || byte === TAB || byte === CR || i === contentEnd;
      if (!isSeparator && tokenStart < 0) tokenStart = i;
      if (!isSeparator || tokenStart < 0) continue;
      if (count < MAX_TOKENS) {
        starts[count] = tokenStart;
        ends[count++] = i;
      }
      tokenStart = -1;
    }
    this.count = count;
  }

  /** Whether the arguments from `first` on are separated by one space each and the line ends with CRLF. */
  isCanonical(bytes: Uint8Array, first: number): boolean {
    for (let i = first; i < this.count - 1; i++) {
      const end = this.ends[i] as number; // i < count
      if (this.starts[i + 1] !== end + 1 || bytes[end] !== SPACE) return false;
    }
    return this.ends[this.count - 1] === this.contentEnd && this.lf === this.contentEnd + 1;
  }

  /**
   * The argument at `index` with one character per byte. Sids are kept in this form: they go back to the client as
   * they came, whatever their encoding.
   */
  latin1(bytes: Uint8Array, index: number): string {
    const start = this.starts[index] as number; // callers check count
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, (this.ends[index] as number) - start).toString(
      "latin1",
    );
  }

  /** The argument at `index` as text. */
  text(bytes: Uint8Array, index: number): string {
    return decodeText(bytes, this.starts[index] as number, this.ends[index] as number); // callers check count
  }
}

/** Decodes a range of bytes as UTF-8. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

/**
 * Reads a decimal size. @returns -1 when it is empty, too long or not decimal.
 *
 * Source: nats-server util.go `parseSize`.
 */
export function parseSize(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start || end - start > MAX_SIZE_DIGITS) return -1;
  let size = 0;
  for (let i = start; i < end; i++) {
    const digit = (bytes[i] as number) - ZERO; // i < end <= length
    if (digit < 0 || digit > 9) return -1;
    size = size * 10 + digit;
  }
  return size;
}
