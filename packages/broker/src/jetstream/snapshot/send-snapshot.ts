import { randomUUID } from "node:crypto";
import type { Clock, Timer } from "@ganglion/kernel";
import type { AccountBus } from "../account-bus.js";

/** How a snapshot is sent. */
export interface SendOptions {
  readonly streamName: string;
  readonly deliverSubject: string;
  readonly chunkSizeBytes: number;
  /** Bytes on the way at most. */
  readonly windowSizeBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const DEFAULT_CHUNK_BYTES = 128 * KIB;
const DEFAULT_WINDOW_BYTES = 8 * MIB;
const INTEREST_MS = 2_000;
const ACK_MS = 5_000;

/** The sizes a request asks for, within bounds. Source: nats-server jetstream_api.go `streamSnapshot`. */
export function snapshotSizes(
  chunkSize = 0,
  windowSize = 0,
): Pick<SendOptions, "chunkSizeBytes" | "windowSizeBytes"> {
  const chunkSizeBytes = Math.min(MIB, Math.max(KIB, chunkSize === 0 ? DEFAULT_CHUNK_BYTES : chunkSize));
  const wanted = windowSize === 0 ? DEFAULT_WINDOW_BYTES : windowSize;
  return {
    chunkSizeBytes,
    windowSizeBytes: Math.max(chunkSizeBytes, Math.min(32 * MIB, Math.max(KIB, wanted))),
  };
}

/**
 * Sends a snapshot in chunks. Every chunk asks for an acknowledgement, which lets the next ones go; the end is an
 * empty message with status 204, or 408 or 500 with the reason it ended early.
 *
 * @returns what went wrong.
 * Source: nats-server jetstream_api.go `streamSnapshot`.
 */
export async function sendSnapshot(
  source: AsyncIterable<Buffer>,
  options: SendOptions,
  { bus, clock }: { readonly bus: AccountBus; readonly clock: Clock },
): Promise<string | undefined> {
  const window = new ChunkWindow(options, bus, clock);
  try {
    await window.interest();
    for await (const chunk of chunksOf(source, options.chunkSizeBytes)) {
      if (!(await window.send(chunk))) break;
    }
  } catch (error) {
    window.failure ??= `500 ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    window.close();
  }
  const head = Buffer.from(`NATS/1.0 ${window.failure ?? "204"}\r\n\r\n`);
  bus.publish({ subject: options.deliverSubject, headerSizeBytes: head.length, data: head });
  return window.failure;
}

class ChunkWindow {
  failure: string | undefined;
  private readonly ackSubject: string;
  private readonly stop: () => void;
  private readonly maxOnTheWay: number;
  private onTheWay = 0;
  private index = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly options: SendOptions,
    private readonly bus: AccountBus,
    private readonly clock: Clock,
  ) {
    this.maxOnTheWay = Math.floor(options.windowSizeBytes / options.chunkSizeBytes);
    this.ackSubject = `$JS.SNAPSHOT.ACK.${options.streamName}.${randomUUID()}`;
    this.stop = bus.subscribe(`${this.ackSubject}.>`, () => {
      this.onTheWay = Math.max(0, this.onTheWay - 1);
      this.wake?.();
    });
  }

  /** Waits a while for somebody to listen. */
  async interest(): Promise<void> {
    const { deliverSubject } = this.options;
    if (this.bus.hasInterest(deliverSubject)) return;
    let stop = () => {};
    await this.wait(INTEREST_MS, () => {
      const watch = this.bus.watchInterest(deliverSubject, undefined, (active) => active && this.wake?.());
      stop = () => watch.stop();
    });
    stop();
    if (!this.bus.hasInterest(deliverSubject)) this.failure = "408 No Interest";
  }

  /** @returns false when there is no point in going on. */
  async send(data: Buffer): Promise<boolean> {
    if (this.failure !== undefined) return false;
    while (this.onTheWay >= this.maxOnTheWay) {
      if (await this.wait(ACK_MS)) continue;
      this.failure = "408 No Flow Response";
      return false;
    }
    this.onTheWay++;
    const reply = `${this.ackSubject}.${data.length}.${++this.index}`;
    const reached = this.bus.publish({
      subject: this.options.deliverSubject,
      reply,
      headerSizeBytes: 0,
      data,
    });
    if (reached === 0) this.failure = "408 No Interest";
    return reached > 0;
  }

  close(): void {
    this.stop();
  }

  /** @returns false when nothing happened in time. */
  private async wait(timeoutMs: number, begin: () => void = () => {}): Promise<boolean> {
    let timer: Timer | undefined;
    const happened = await new Promise<boolean>((resolve) => {
      timer = this.clock.schedule(timeoutMs, () => resolve(false));
      this.wake = () => resolve(true);
      begin();
    });
    timer?.cancel();
    this.wake = undefined;
    return happened;
  }
}

async function* chunksOf(source: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of source) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= sizeBytes) {
      yield rest.subarray(0, sizeBytes);
      rest = rest.subarray(sizeBytes);
    }
  }
  if (rest.length > 0) yield rest;
}
