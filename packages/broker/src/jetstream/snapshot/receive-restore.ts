import type { Timer } from "@ganglion/kernel";
import { RESPONSE_TYPE_PREFIX, type StreamConfig } from "@ganglion/protocol";
import type { JetStreamAccount } from "../account.js";
import type { RoutedMessage } from "../account-bus.js";
import { apiErrorOf } from "../api/api-fault.js";
import type { Stream } from "../stream/stream.js";

/** How a restore is answered. */
export interface RestoreAnswers {
  /** Where the chunks come in. */
  readonly deliverSubject: string;
  describe(stream: Stream): object;
  /** It is over. */
  done(bytes: number): void;
}

/** A restore that hears nothing for so long is given up. Source: nats-server jetstream_api.go `activityInterval`. */
const STALLED_MS = 5_000;
const NOTHING = new Uint8Array(0);

/**
 * Takes the chunks of a backup, answering each, until an empty one ends it. That one is answered with the stream.
 *
 * Source: nats-server jetstream_api.go `processStreamRestore`.
 */
export function restoreChunks(
  account: JetStreamAccount,
  config: StreamConfig,
  answers: RestoreAnswers,
): void {
  const restore = new ChunkedRestore(account, config, answers);
  restore.stop = account.bus.subscribe(answers.deliverSubject, (message) => restore.take(message));
}

class ChunkedRestore {
  stop: () => void = () => {};
  private readonly restore;
  private working: Promise<void> = Promise.resolve();
  private bytes = 0;
  private over = false;
  private timer: Timer;

  constructor(
    private readonly account: JetStreamAccount,
    config: StreamConfig,
    private readonly answers: RestoreAnswers,
  ) {
    this.restore = account.restoreStream(config);
    this.timer = this.watch();
  }

  take({ reply, data, headerSizeBytes }: RoutedMessage): void {
    const chunk = Buffer.from(data.subarray(headerSizeBytes));
    this.timer.cancel();
    this.working = this.working.then(async () => {
      if (this.over) return;
      try {
        await this.takeInOrder(chunk, reply);
      } catch (error) {
        this.end();
        this.answer(reply, { error: apiErrorOf(error, "StreamRestore") });
        await this.abort();
      }
    });
  }

  private async takeInOrder(chunk: Buffer, reply: string | undefined): Promise<void> {
    if (chunk.length > 0) {
      this.bytes += chunk.length;
      await this.restore.write(chunk);
      if (reply !== undefined)
        this.account.bus.publish({ subject: reply, headerSizeBytes: 0, data: NOTHING });
      this.timer = this.watch();
      return;
    }
    const stream = await this.restore.finish();
    this.end();
    this.answer(reply, this.answers.describe(stream));
  }

  private watch(): Timer {
    return this.account.clock.schedule(STALLED_MS, () => {
      this.end();
      void this.abort();
    });
  }

  private async abort(): Promise<void> {
    try {
      await this.restore.abort();
    } catch (error) {
      this.account.logger.error("a restore could not be cleaned up", { error });
    }
  }

  private end(): void {
    this.over = true;
    this.timer.cancel();
    this.stop();
    this.answers.done(this.bytes);
  }

  private answer(reply: string | undefined, body: object): void {
    if (reply === undefined) return;
    const json = JSON.stringify({ type: `${RESPONSE_TYPE_PREFIX}stream_create_response`, ...body });
    this.account.bus.publish({ subject: reply, headerSizeBytes: 0, data: Buffer.from(json) });
  }
}
