/** One operation of the NATS protocol, as it was sent. */
export interface WireOperation {
  /** In upper case: PUB, MSG, INFO … */
  readonly verb: string;
  /** What follows the verb on its line. */
  readonly args: readonly string[];
  /** All of it: line and payload. */
  readonly bytes: Buffer;
  /** Length of the line with its end; the payload follows. */
  readonly lineSizeBytes: number;
}

/** Operations that carry a payload, whose length is their last argument. */
const WITH_PAYLOAD: ReadonlySet<string> = new Set(["PUB", "HPUB", "MSG", "HMSG"]);
/** A line longer than this is no NATS protocol: it passes as it is. */
const MAX_LINE_BYTES = 64 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/** Cuts a stream of bytes, in either direction, into operations. It judges nothing: what it does not know passes. */
export class OperationSplitter {
  private rest = NOTHING;

  /** Takes in what has arrived, and gives back the operations that are complete. */
  feed(chunk: Buffer): WireOperation[] {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const operations: WireOperation[] = [];
    for (let next = this.next(); next !== undefined; next = this.next()) operations.push(next);
    return operations;
  }

  private next(): WireOperation | undefined {
    const { rest } = this;
    const end = rest.indexOf("\n");
    if (end === -1)
      return rest.length > MAX_LINE_BYTES ? this.take("", [], rest.length, rest.length) : undefined;
    const [verb = "", ...args] = rest
      .toString("utf8", 0, end)
      .trim()
      .split(/[ \t]+/);
    const upper = verb.toUpperCase();
    const payloadBytes = WITH_PAYLOAD.has(upper) ? Number(args.at(-1)) + 2 : 0;
    const sizeBytes = end + 1 + (Number.isSafeInteger(payloadBytes) ? payloadBytes : 0);
    return rest.length < sizeBytes ? undefined : this.take(upper, args, end + 1, sizeBytes);
  }

  // biome-ignore lint/complexity/useMaxParams: the parts of one operation
  private take(
    verb: string,
    args: readonly string[],
    lineSizeBytes: number,
    sizeBytes: number,
  ): WireOperation {
    const bytes = this.rest.subarray(0, sizeBytes);
    this.rest = this.rest.subarray(sizeBytes);
    return { verb, args, bytes, lineSizeBytes };
  }
}
