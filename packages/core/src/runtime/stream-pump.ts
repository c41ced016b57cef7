import { type Deferred, deferred } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import { END_HEADER, ITEM_HEADER, WINDOW_HEADER } from "../messages/header-names.js";
import type { WireForm } from "../messages/wire-form.js";
import { HeaderBlock } from "../transport/header-block.js";
import type { IncomingMessage } from "../transport/message.js";
import type { Transport } from "../transport/transport.js";
import type { WorkContext } from "./work-context.js";

const DEFAULT_WINDOW = 1;
/** What a caller may grant in advance, whatever it says. */
const MAX_CREDIT = 65_536;
/** A caller that takes nothing for so long is gone, or will never come back for more. */
const STALL_MS = 5 * 60_000;

/** What a {@link StreamPump} sends. */
export interface PumpRequest {
  readonly transport: Transport;
  readonly message: IncomingMessage;
  readonly form: WireForm;
  readonly ctx: WorkContext;
  /** Subject on which the caller grants more. */
  readonly control: string;
}

/** Sends the values of a streaming handler to its caller, no faster than the caller takes them. */
export class StreamPump {
  private credit: number;
  private count = 0;
  private waiting: Deferred<void> | undefined;
  private aborted = false;

  constructor(private readonly request: PumpRequest) {
    const window = Number(request.message.headers.get(WINDOW_HEADER));
    this.credit = isGrant(window) ? Math.min(window, MAX_CREDIT) : DEFAULT_WINDOW;
  }

  /** Resolves when all was sent, or the caller gave up. @throws whatever the handler throws; InvalidValue */
  async run(values: AsyncIterable<unknown>): Promise<void> {
    const { transport, ctx, control } = this.request;
    const grants = transport.subscribe(control, {
      onMessage: (message) => this.grant(Number(message.text())),
    });
    const forget = ctx.onAbort(() => {
      this.aborted = true;
      this.waiting?.resolve();
    });
    try {
      for await (const value of values) {
        await this.mayGo();
        if (this.aborted) return; // ends the handler's generator too
        this.send(this.request.form.encodeText(value), `${ITEM_HEADER}: ${++this.count}\r\n`);
      }
      this.send("", `${END_HEADER}: ${this.count}\r\n`);
    } finally {
      forget();
      grants.unsubscribe();
    }
  }

  private async mayGo(): Promise<void> {
    while (this.credit === 0 && !this.aborted) {
      this.waiting = deferred<void>();
      const timer = this.request.transport.clock.schedule(STALL_MS, () => this.waiting?.reject(stalled()));
      await this.waiting.promise.finally(() => timer.cancel());
    }
    this.credit--;
  }

  private grant(more: number): void {
    if (!isGrant(more)) return;
    this.credit = Math.min(this.credit + more, MAX_CREDIT);
    this.waiting?.resolve();
  }

  private send(body: string, lines: string): void {
    const { transport, message, control } = this.request;
    if (message.reply === undefined)
      throw coreError("BAD_REQUEST", "A stream of values needs a reply subject");
    transport.publish(message.reply, body, { headers: new HeaderBlock(lines), reply: control });
  }
}

function stalled() {
  return coreError("TIMEOUT", `The caller has not taken a value for ${STALL_MS} ms`);
}

function isGrant(count: number): boolean {
  return Number.isSafeInteger(count) && count > 0;
}

/** Whether a handler returned a stream of values. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
