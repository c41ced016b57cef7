import { coreError } from "../errors.js";
import { END_HEADER, ITEM_HEADER } from "../messages/header-names.js";
import { isErrorReply } from "../messages/wire-error.js";
import type { IncomingMessage } from "../transport/message.js";

/** Values a caller takes before it says that it takes more. */
export const WINDOW = 64;

/** What a {@link ValueStream} needs of the call it belongs to. */
export interface StreamCall {
  /** Sends the request. @returns how to deal with it */
  open(stream: ValueStream): OpenStream;
  decode(message: IncomingMessage): unknown;
  errorOf(message: IncomingMessage): unknown;
  readonly label: string;
}

/** A request for values that is on its way. */
export interface OpenStream {
  /** Tells the service to send more. */
  grant(control: string, more: number): void;
  /** A value came: wait anew for the next one. */
  extend(): void;
  /** The caller wants no more. */
  cancel(): void;
  /** Everything has come. */
  end(): void;
}

interface Taker {
  resolve(result: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/** The values of a streaming rpc, as they come. Requested when the first one is asked for. */
export class ValueStream implements AsyncIterableIterator<unknown> {
  private readonly values: unknown[] = [];
  private readonly takers: Taker[] = [];
  private opened: OpenStream | undefined;
  private outcome: { readonly error: unknown } | "done" | undefined;
  private received = 0;
  private taken = 0;
  private control: string | undefined;

  constructor(private readonly call: StreamCall) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      if (this.opened === undefined && this.outcome === undefined) this.opened = this.call.open(this);
      this.takers.push({ resolve, reject });
      this.serve();
    });
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (this.outcome === undefined) {
      this.opened?.cancel();
      this.finish("done");
    }
    this.values.length = 0;
    return { done: true, value: undefined };
  }

  /** @internal A message or an error for this call. */
  receive(error: unknown, message: IncomingMessage | undefined): void {
    if (this.outcome !== undefined) return;
    if (message === undefined) this.finish({ error });
    else if (isErrorReply(message)) this.close({ error: this.call.errorOf(message) });
    else this.take(message);
  }

  private take(message: IncomingMessage): void {
    const end = message.headers.get(END_HEADER);
    const number = Number(end === undefined ? message.headers.get(ITEM_HEADER) : Number(end) + 1);
    if (number !== this.received + 1) {
      this.opened?.cancel();
      this.finish({
        error: coreError("BAD_RESPONSE", `Values of ${this.call.label} were lost on their way`, {
          retryable: true,
        }),
      });
      return;
    }
    if (end !== undefined) {
      this.close("done");
      return;
    }
    this.received++;
    this.control = message.reply;
    this.opened?.extend();
    try {
      this.values.push(this.call.decode(message));
    } catch (error) {
      this.opened?.cancel();
      this.finish({ error });
    }
    this.serve();
  }

  private close(outcome: NonNullable<ValueStream["outcome"]>): void {
    this.opened?.end();
    this.finish(outcome);
  }

  private finish(outcome: NonNullable<ValueStream["outcome"]>): void {
    this.outcome = outcome;
    this.serve();
  }

  private serve(): void {
    while (this.takers.length > 0) {
      if (this.values.length > 0) {
        this.takers.shift()?.resolve({ done: false, value: this.values.shift() });
        this.countTaken();
      } else if (this.outcome === undefined) {
        return;
      } else {
        this.conclude();
      }
    }
  }

  /** Ends the iteration; an error is told once. */
  private conclude(): void {
    const taker = this.takers.shift();
    if (typeof this.outcome !== "object") taker?.resolve({ done: true, value: undefined });
    else taker?.reject(this.outcome.error);
    this.outcome = "done";
  }

  private countTaken(): void {
    this.taken++;
    if (this.taken < WINDOW / 2 || this.control === undefined || this.outcome !== undefined) return;
    this.opened?.grant(this.control, this.taken);
    this.taken = 0;
  }
}
