import type { ControlLine } from "./control-line.js";
import type { PublishedFrame } from "./ops.js";

/** The frame a parser reuses for every message. */
export class ReusedFrame implements PublishedFrame {
  bytes: Uint8Array = new Uint8Array(0);
  subjectStart = 0;
  subjectEnd = 0;
  sidStart = 0;
  sidEnd = 0;
  replyStart = 0;
  replyEnd = 0;
  tailStart = 0;
  isRepeated = false;
  isHeaderOperation = false;
  headerSizeBytes = 0;
  dataStart = 0;
  dataEnd = 0;
  retainable = true;
  private tailBytes: Uint8Array | undefined;

  tail(): Uint8Array {
    this.tailBytes ??= this.bytes.subarray(this.tailStart, this.dataEnd + 2);
    return this.tailBytes;
  }

  /** To be called when the ranges have been changed. */
  protected moved(): void {
    this.tailBytes = undefined;
  }

  /** Goes on to a message with the same control line, `distance` bytes further on. */
  advance(distance: number): void {
    this.isRepeated = true;
    this.tailBytes = undefined;
    this.subjectStart += distance;
    this.subjectEnd += distance;
    this.sidStart += distance;
    this.sidEnd += distance;
    this.replyStart += distance;
    this.replyEnd += distance;
    this.tailStart += distance;
    this.dataStart += distance;
    this.dataEnd += distance;
  }

  /**
   * Takes the ranges of a complete message over from its control line; the sizes and the data range are set before.
   *
   * @param leading - arguments in front of reply and sizes: 1 for PUB, 2 for MSG.
   */
  locate(bytes: Uint8Array, line: ControlLine, leading: number): void {
    // The indices below are lower than line.count, which the caller has checked.
    const { starts, ends } = line;
    const sizeArguments = this.isHeaderOperation ? 2 : 1;
    this.isRepeated = false;
    this.tailBytes = undefined;
    this.bytes = bytes;
    this.subjectStart = starts[0] as number;
    this.subjectEnd = ends[0] as number;
    this.sidStart = leading === 2 ? (starts[1] as number) : this.subjectEnd;
    this.sidEnd = leading === 2 ? (ends[1] as number) : this.subjectEnd;
    this.tailStart = starts[leading] as number;
    this.replyStart = this.tailStart;
    this.replyEnd = line.count > leading + sizeArguments ? (ends[leading] as number) : this.tailStart;
    if (!line.isCanonical(bytes, leading)) this.normalise(line);
  }

  /** Rewrites a message with unusual blanks or line ends, so that its tail can be forwarded. */
  private normalise(line: ControlLine): void {
    const { starts, ends } = line;
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    let at = 0;
    for (let i = 0; i < line.count; i++) {
      const piece = this.bytes.subarray(starts[i], ends[i]);
      pieces.push(piece, i === line.count - 1 ? CRLF : SPACE);
      starts[i] = at;
      ends[i] = at + piece.length;
      at += piece.length + 1;
    }
    pieces.push(this.bytes.subarray(this.dataStart, this.dataEnd), CRLF);
    for (const piece of pieces) sizeBytes += piece.length;
    this.dataStart = at + 1;
    this.dataEnd = sizeBytes - CRLF.length;
    this.retainable = true;
    line.contentEnd = at - 1;
    line.lf = at;
    const { buffer, byteOffset } = Buffer.concat(pieces, sizeBytes);
    this.locate(
      new Uint8Array(buffer, byteOffset, sizeBytes),
      line,
      this.sidStart === this.subjectEnd ? 1 : 2,
    );
  }
}

const CRLF = Buffer.from("\r\n");
const SPACE = Buffer.from(" ");
