import { ControlLine, decodeText, parseSize } from "./control-line.js";
import { DEFAULT_MAX_CONTROL_LINE_BYTES, DEFAULT_MAX_PAYLOAD_BYTES } from "./limits.js";
import { ReusedFrame } from "./message-frame.js";
import type { ProtocolFault, ProtocolFaultKind } from "./ops.js";

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;

/** Room for a verb and some blanks in front of the arguments of an unfinished line. */
const VERB_ROOM_BYTES = 64;
/** Frames up to this size that span chunks are put together in one reused buffer. */
const SCRATCH_BYTES = 4096;
/** How much of the offending bytes a fault quotes. Source: nats-server const.go `PROTO_SNIPPET_SIZE`. */
const EXCERPT_BYTES = 32;

/** What {@link OperationParser} accepts. Both may be changed between chunks. */
export interface ParserLimits {
  /** Longest argument part of a control line, in bytes. @default 4096 */
  readonly maxControlLineBytes?: number;
  /** Longest message, headers included, in bytes. @default 1 MiB */
  readonly maxPayloadBytes?: number;
}

/** How the arguments of a message operation are laid out. */
export interface MessageShape {
  /** Arguments in front of reply and sizes: subject, or subject and sid. */
  readonly leading: 1 | 2;
  readonly hasHeaders: boolean;
}

/**
 * Turns chunks of bytes into operations. What a chunk leaves unfinished is held, each byte copied once; what lies
 * in a chunk as a whole is read in place. A subclass knows the verbs of one direction.
 *
 * The method {@link OperationParser.step} of a subclass returns the index behind the operation at `at`, or -1 when
 * it is unfinished or faulty.
 */
export abstract class OperationParser {
  maxControlLineBytes: number;
  maxPayloadBytes: number;
  protected readonly line = new ControlLine();
  protected readonly frame = new ReusedFrame();
  private readonly scratch = new Uint8Array(SCRATCH_BYTES);
  private held: Uint8Array = this.scratch;
  private heldBytes = 0;
  /** Size of the unfinished operation, once its control line is complete; 0 before. */
  private neededBytes = 0;
  private halted = false;
  /** Input that came while the parser was paused. */
  private waiting: Uint8Array[] | undefined;
  /** What is being read: a chunk or the held bytes, up to `end`. */
  protected bytes: Uint8Array = this.scratch;
  protected end = 0;
  private found: ProtocolFault | undefined;
  /** Where the operation of the frame begins in `bytes`, and how long its verb and control line are; 0: not to be used. */
  private lastAt = 0;
  private lastLineBytes = 0;

  constructor(limits: ParserLimits = {}) {
    this.maxControlLineBytes = limits.maxControlLineBytes ?? DEFAULT_MAX_CONTROL_LINE_BYTES;
    this.maxPayloadBytes = limits.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
  }

  /** Reads the operation that begins at `at`. */
  protected abstract step(at: number): number;

  /** Hands the frame to the visitor. */
  protected abstract emit(frame: ReusedFrame): void;

  /**
   * Reads the next chunk and calls the visitor for every operation that is complete.
   *
   * @param chunk - must not be changed afterwards if the visitor keeps ranges of retainable frames.
   * @returns the fault of the peer that ended the parsing, now or earlier.
   */
  feed(chunk: Uint8Array): ProtocolFault | undefined {
    // A plain array: `subarray` of a Buffer costs visitors twice as much, and one type keeps the loops fast.
    return this.read(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  }

  private read(chunk: Uint8Array): ProtocolFault | undefined {
    let at = 0;
    if (this.heldBytes > 0 && !this.halted) at = this.completeHeld(chunk);
    if (at < chunk.length && !this.halted) {
      this.frame.retainable = true;
      at = this.run(chunk, at, chunk.length);
      if (at < chunk.length && !this.halted) this.hold(chunk, at, chunk.length);
    }
    if (this.waiting !== undefined) this.waiting.push(chunk.slice(at));
    return this.found;
  }

  /** Takes nothing more, not even the rest of the current chunk. */
  stop(): void {
    this.halted = true;
    this.waiting = undefined;
  }

  /**
   * Reads nothing behind the current operation until {@link OperationParser.resume}. Input is kept meanwhile, so stop
   * feeding soon. For visitors that cannot handle an operation at once.
   */
  pause(): void {
    if (this.halted) return;
    this.halted = true;
    this.waiting = [];
  }

  /** Reads on, what was kept first. @returns the fault of the peer, as `feed` does. */
  resume(): ProtocolFault | undefined {
    const { waiting } = this;
    if (waiting === undefined) return this.found;
    this.waiting = undefined;
    this.halted = false;
    for (const chunk of waiting) this.read(chunk);
    return this.found;
  }

  private run(bytes: Uint8Array, from: number, end: number): number {
    this.bytes = bytes;
    this.end = end;
    this.forgetLine();
    let at = from;
    while (at < end && !this.halted) {
      const next = this.lastLineBytes > 0 && this.isSameLine(at) ? this.again(at) : this.step(at);
      if (next < 0) break;
      at = next;
    }
    return at;
  }

  /** The next message is read from its control line, even if the line is the same: other rules hold now. */
  protected forgetLine(): void {
    this.lastLineBytes = 0;
  }

  /**
   * Whether a complete message begins at `at` whose control line is that of the message before. Most publishers stay
   * with a subject and a size, and comparing is cheaper than reading. From behind: if anything differs, it is there.
   */
  private isSameLine(at: number): boolean {
    const { bytes, frame, lastAt, lastLineBytes } = this;
    const dataEnd = at + lastLineBytes + frame.dataEnd - frame.dataStart;
    if (dataEnd + 2 > this.end || bytes[dataEnd] !== CR || bytes[dataEnd + 1] !== LF) return false;
    for (let i = lastLineBytes - 1; i >= 0; i--) {
      if (bytes[at + i] !== bytes[lastAt + i]) return false;
    }
    return true;
  }

  private again(at: number): number {
    const { frame } = this;
    frame.advance(at - this.lastAt);
    this.lastAt = at;
    const next = frame.dataEnd + 2;
    this.emit(frame);
    return next;
  }

  /** Appends to the held operation what it lacks. @returns the index in `chunk` behind what was used. */
  private completeHeld(chunk: Uint8Array): number {
    let used = 0;
    if (this.neededBytes === 0) {
      const lf = chunk.indexOf(LF);
      const isVerbOpen = this.heldBytes <= VERB_ROOM_BYTES;
      used = lf === -1 ? chunk.length : lf + 1;
      this.hold(chunk, 0, used);
      // A line that trickles in is looked at only while its verb is open and when it may be too long.
      if (lf === -1 && !isVerbOpen && this.heldBytes <= this.maxControlLineBytes) return used;
      if (this.runHeld() || this.neededBytes === 0) return used;
    }
    const take = Math.min(this.neededBytes - this.heldBytes, chunk.length - used);
    this.hold(chunk, used, used + take);
    used += take;
    if (this.heldBytes === this.neededBytes) this.runHeld();
    else this.checkHeldTerminator();
    return used;
  }

  /** Finds a wrong byte behind the payload before the last one has arrived. */
  private checkHeldTerminator(): void {
    this.bytes = this.held;
    this.end = this.heldBytes;
    this.isTerminated(this.neededBytes - 2);
  }

  /** Reads the held operation. @returns whether it was complete. */
  private runHeld(): boolean {
    this.frame.retainable = this.held !== this.scratch;
    const complete = this.run(this.held, 0, this.heldBytes) === this.heldBytes;
    if (!complete) return false;
    this.held = this.scratch;
    this.heldBytes = 0;
    this.neededBytes = 0;
    return true;
  }

  private hold(chunk: Uint8Array, from: number, to: number): void {
    const wanted = Math.max(this.neededBytes, this.heldBytes + to - from);
    if (wanted > this.held.length) {
      const capacity = this.neededBytes > 0 ? wanted : Math.max(wanted, 2 * this.held.length);
      const larger = new Uint8Array(Buffer.allocUnsafeSlow(capacity).buffer);
      larger.set(this.held.subarray(0, this.heldBytes));
      this.held = larger;
    }
    this.held.set(chunk.subarray(from, to), this.heldBytes);
    this.heldBytes += to - from;
  }

  /** Ends the parsing with a fault. @returns -1, for {@link OperationParser.step}. */
  protected fail(kind: ProtocolFaultKind, at: number): -1 {
    const excerpt = decodeText(this.bytes, at, Math.min(this.end, at + EXCERPT_BYTES));
    this.found = { kind, detail: `${kind.replaceAll("-", " ")} at ${JSON.stringify(excerpt)}` };
    this.halted = true;
    return -1;
  }

  /**
   * Compares a verb in lower case, letter by letter, so that a wrong letter is a fault before its line is complete.
   *
   * @returns index behind the verb; -1 when it is unfinished or wrong.
   */
  protected matchVerb(at: number, verb: string): number {
    const { bytes, end } = this;
    for (let i = 0; i < verb.length; i++) {
      if (at + i >= end) return this.unfinished();
      if (((bytes[at + i] as number) | 0x20) !== verb.charCodeAt(i)) {
        return this.fail("unknown-operation", at);
      }
    }
    return at + verb.length;
  }

  protected unfinished(): -1 {
    this.neededBytes = 0;
    return -1;
  }

  /** Skips the blanks behind a verb that needs one. @returns -1 when there is none, or nothing behind it yet. */
  protected skipBlanks(at: number): number {
    const { bytes, end } = this;
    if (at >= end) return this.unfinished();
    if (bytes[at] !== SPACE && bytes[at] !== TAB) return this.fail("unknown-operation", at);
    return this.skipOptionalBlanks(at);
  }

  protected skipOptionalBlanks(at: number): number {
    const { bytes, end } = this;
    let i = at;
    while (i < end && (bytes[i] === SPACE || bytes[i] === TAB)) i++;
    if (i - at > this.maxControlLineBytes) return this.fail("control-line-too-long", at);
    return i < end ? i : this.unfinished();
  }

  /** Scans the arguments from `from` and checks the limit. @returns whether the line is complete. */
  protected scanLine(from: number): boolean {
    const { bytes, end } = this;
    const complete = this.line.scan(bytes, from, end);
    let sizeBytes = (complete ? this.line.contentEnd : end) - from;
    if (!complete && bytes[end - 1] === CR) sizeBytes--;
    if (sizeBytes > this.maxControlLineBytes) {
      this.fail("control-line-too-long", from);
      return false;
    }
    if (!complete) this.unfinished();
    return complete;
  }

  /**
   * Reads a message that begins at `at` and whose arguments begin at `from` into the frame.
   */
  protected readMessage(at: number, from: number, shape: MessageShape): number {
    if (!this.scanLine(from)) return -1;
    const { line, frame, bytes } = this;
    const { starts, ends, count } = line; // indices below are lower than count
    const fewest = shape.leading + (shape.hasHeaders ? 2 : 1);
    if (count < fewest || count > fewest + 1) return this.fail("bad-arguments", at);
    const totalBytes = parseSize(bytes, starts[count - 1] as number, ends[count - 1] as number);
    const headerBytes = shape.hasHeaders
      ? parseSize(bytes, starts[count - 2] as number, ends[count - 2] as number)
      : 0;
    if (headerBytes < 0 || headerBytes > totalBytes) return this.fail("bad-arguments", at);
    if (totalBytes > this.maxPayloadBytes) return this.fail("payload-too-large", at);
    const dataEnd = line.lf + 1 + totalBytes;
    if (!this.isTerminated(dataEnd)) {
      this.neededBytes = dataEnd + 2 - at;
      return -1;
    }
    frame.isHeaderOperation = shape.hasHeaders;
    frame.headerSizeBytes = headerBytes;
    frame.dataStart = line.lf + 1;
    frame.dataEnd = dataEnd;
    frame.locate(bytes, line, shape.leading);
    this.lastAt = at;
    this.lastLineBytes = frame.bytes === bytes ? frame.dataStart - at : 0;
    return dataEnd + 2;
  }

  /** Whether CRLF is at `at`. A wrong byte is a fault as soon as it is there. */
  private isTerminated(at: number): boolean {
    const { bytes, end } = this;
    if (at < end && bytes[at] !== CR) this.fail("unknown-operation", at);
    else if (at + 1 < end && bytes[at + 1] !== LF) this.fail("unknown-operation", at);
    else return at + 1 < end;
    return false;
  }
}
