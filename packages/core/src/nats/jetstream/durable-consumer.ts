import { type Deferred, deferred, isGanglionError } from "@ganglion/kernel";
import type { MessageFrame } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import type { ConsumerAdmin, ConsumerInfo } from "../../transport/consumer-spec.js";
import type { ConsumeOptions, Consumption } from "../../transport/jetstream.js";
import { isAtLeast } from "../../transport/server-version.js";
import { DeliveredMessage, type Settlement } from "./delivered-message.js";
import { pauseMs } from "./pause.js";
import { PullInbox, type PullSurroundings } from "./pull-inbox.js";
import { PullWindow } from "./pull-window.js";

const DEFAULT_HEARTBEAT_MS = 5_000;
const EXPIRES_MS = 30_000;
const ORDERLY_EXPIRES_MS = 1_000;
/**
 * Waits before attempts to find or rebuild a lost consumer. Not at once: a server that is asked for a stream it has
 * just removed may still be removing its files, and nats-server 2.9 then breaks the new one.
 */
const RECOVERY_MIN_MS = 250;
const RECOVERY_MAX_MS = 5_000;

/** What a {@link DurableConsumption} is made with. */
export interface ConsumptionRequest {
  readonly surroundings: PullSurroundings;
  readonly consumers: ConsumerAdmin;
  readonly info: ConsumerInfo;
  readonly options: ConsumeOptions;
}

/**
 * Keeps as many messages of a consumer on their way as may be in flight, and finds or rebuilds the consumer when it
 * stops giving signs of life.
 */
export class DurableConsumption implements Consumption, Settlement {
  readonly stream: string;
  readonly consumer: string;
  readonly acknowledges: boolean;
  readonly takesReasons: boolean;
  readonly closed: Promise<void>;
  inFlight = 0;
  private readonly end: Deferred<void> = deferred();
  private readonly stopping = new AbortController();
  private readonly unsubscribeStatus: () => void;
  /** Unsettled messages in stream order, kept only where one acknowledgement covers earlier ones. */
  private readonly covering: Set<DeliveredMessage> | undefined;
  private readonly window: PullWindow;
  /** Messages that came after {@link stop} was called. */
  private readonly returned: DeliveredMessage[] = [];
  private inbox: PullInbox;
  private recovering = false;

  constructor(private readonly request: ConsumptionRequest) {
    const { info, surroundings } = request;
    const { maxInFlight, minInFlight = maxInFlight } = request.options;
    this.window = new PullWindow(surroundings.api.transport.clock, { least: minInFlight, most: maxInFlight });
    this.stream = info.stream;
    this.consumer = info.spec.name;
    this.acknowledges = info.spec.ack !== "none";
    this.covering = info.spec.ack === "all" ? new Set() : undefined;
    this.takesReasons = isAtLeast(surroundings.api.transport.server.version, [2, 10, 4]);
    this.closed = this.end.promise;
    this.closed.catch(() => {}); // whoever looks at it is told
    this.inbox = this.openInbox();
    this.unsubscribeStatus = surroundings.connection.onStatus(({ type }) => {
      if (type === "disconnected") this.inbox.reset();
      else if (type === "reconnected") this.pull();
      else if (type === "closed") this.finish(coreError("CONSUMER_LOST", "The connection was closed"));
    });
    this.pull();
  }

  async stop(): Promise<void> {
    if (!this.stopping.signal.aborted) {
      this.stopping.abort();
      this.unsubscribeStatus();
      if (this.request.options.orderlyStop === true) await this.inbox.runOut();
      await this.inbox.drain().catch(() => {}); // without a connection there is nothing to wait for
      // Only now: before, a request that is still open would get them again.
      for (const message of this.returned.splice(0)) message.nak();
      this.end.resolve();
    }
    await this.closed.catch(() => {});
  }

  send(ackSubject: string, body: string, isAscii: boolean): void {
    this.request.surroundings.connection.acknowledge(ackSubject, body, isAscii);
  }

  async sendDurable(ackSubject: string, timeoutMs: number): Promise<void> {
    await this.request.surroundings.api.transport.request(ackSubject, "", { timeoutMs });
  }

  settled(message: DeliveredMessage): void {
    this.inFlight--;
    this.window.settled();
    if (this.covering?.delete(message) === true) this.settleCovered(message);
    this.pull();
  }

  private settleCovered(message: DeliveredMessage): void {
    for (const earlier of this.covering ?? []) {
      if (earlier.sequence < message.sequence) earlier.covered();
    }
  }

  private openInbox(): PullInbox {
    const { surroundings, options } = this.request;
    const expiresMs = options.orderlyStop === true ? ORDERLY_EXPIRES_MS : EXPIRES_MS;
    return new PullInbox(
      surroundings,
      {
        stream: this.stream,
        consumer: this.consumer,
        heartbeatMs: Math.min(options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS, expiresMs * 0.45),
        expiresMs,
      },
      {
        message: (frame) => this.receive(frame),
        idle: () => this.pull(),
        lost: (error) => void this.recover(error),
      },
    );
  }

  private receive(frame: MessageFrame): void {
    const message = new DeliveredMessage(frame, this);
    this.inFlight++;
    this.covering?.add(message);
    if (this.stopping.signal.aborted) this.returned.push(message);
    else this.request.options.onMessage(message);
    if (this.inbox.outstanding === 0) this.pull();
  }

  private pull(): void {
    const { inbox } = this;
    if (this.recovering || this.stopping.signal.aborted || !inbox.ready) return;
    const { size } = this.window;
    const room = size - this.inFlight - inbox.outstanding;
    // Asking for a few at a time would cost a request for each message; half is asked for at once.
    if (room > 0 && (inbox.outstanding === 0 || room * 2 >= size)) inbox.pull(room);
  }

  private async recover(problem: Error): Promise<void> {
    if (this.recovering || this.stopping.signal.aborted) return;
    this.recovering = true;
    this.inbox.close();
    this.request.options.onHealth?.(problem);
    let waitMs = RECOVERY_MIN_MS;
    while (!this.stopping.signal.aborted) {
      await pauseMs(this.request.surroundings.api.transport.clock, waitMs, this.stopping.signal);
      if (await this.found(problem)) break;
      waitMs = Math.min(RECOVERY_MAX_MS, waitMs * 2);
    }
    this.recovering = false;
    if (this.stopping.signal.aborted) return;
    this.inbox = this.openInbox();
    this.request.options.onHealth?.(undefined);
    this.pull();
  }

  /** Looks for the consumer, and creates it anew where that was asked for. */
  private async found(problem: Error): Promise<boolean> {
    const { consumers, options } = this.request;
    try {
      if ((await consumers.info(this.stream, this.consumer)) !== undefined) return true;
    } catch (error) {
      if (!isGanglionError(error, "NO_STREAM")) {
        options.onHealth?.(error as Error); // the API throws errors only
        return false;
      }
    }
    if (options.rebuild === undefined) {
      this.finish(problem);
      return false;
    }
    try {
      await options.rebuild();
      return true;
    } catch (error) {
      options.onHealth?.(error instanceof Error ? error : problem);
      return false;
    }
  }

  private finish(error: Error): void {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    this.unsubscribeStatus();
    this.inbox.close();
    this.end.reject(error);
  }
}
