import { GanglionError } from "@ganglion/kernel";
import { dataCodec } from "../messages/endpoint-codec.js";
import type { WireForm } from "../messages/wire-form.js";
import { Gate } from "../runtime/gate.js";
import { type Invoke, isPromise } from "../runtime/invoke.js";
import type { IncomingMessage } from "../transport/message.js";
import type { TransportSubscription } from "../transport/transport.js";
import { DeliveryContext, type Receiver } from "./delivery-context.js";
import { conclude, decodeDelivery, runObserved } from "./receive.js";

/** How a {@link LiveRunner} runs its method. */
export interface LiveRunnerOptions {
  readonly receiver: Receiver;
  readonly invoke: Invoke;
  readonly concurrency: number;
  /** Longest time a method may take. */
  readonly timeoutMs: number;
  /** Members of one group share the messages; without one every member gets them. */
  readonly queue: string | undefined;
}

/** Messages that may wait for each one that may run; more are dropped, as at-most-once allows. */
const QUEUE_FACTOR = 64;

/** Runs a method for messages that are not stored: once, or not at all. */
export class LiveRunner {
  private readonly gate: Gate<IncomingMessage>;
  private readonly form: WireForm;
  private readonly running = new Set<DeliveryContext>();
  private subscription: TransportSubscription | undefined;
  private idle: (() => void) | undefined;

  constructor(private readonly options: LiveRunnerOptions) {
    const { concurrency, receiver } = options;
    this.form = dataCodec(receiver.endpoint);
    this.gate = new Gate(concurrency, concurrency * QUEUE_FACTOR, (message) => this.run(message));
  }

  start(): void {
    const { receiver, queue } = this.options;
    this.subscription = receiver.runtime.transport.subscribe(receiver.endpoint.template.pattern, {
      queue,
      onMessage: (message) => {
        if (!this.gate.enter(message)) this.dropped();
      },
      onError: (error) =>
        receiver.runtime.logger.error("a subscription was lost", { receiver: receiver.name, error }),
    });
  }

  /** Takes no new messages; resolves when those that were sent before have arrived. */
  async drain(): Promise<void> {
    await this.subscription?.drain();
  }

  /** Resolves when no method is running. */
  async settled(): Promise<void> {
    if (this.gate.running === 0) return;
    await new Promise<void>((resolve) => {
      this.idle = resolve;
    });
  }

  /** Gives up what waits and what is running. */
  giveUp(): void {
    this.gate.clear();
    for (const ctx of this.running) ctx.abort(new GanglionError("ABORTED", "The app is stopping"));
  }

  private run(message: IncomingMessage): void {
    const { receiver, invoke, timeoutMs } = this.options;
    const startedMs = receiver.runtime.clock.monotonicMs();
    const ctx = new DeliveryContext(receiver, message, startedMs + timeoutMs);
    this.running.add(ctx);
    const finish = (failed: boolean, error?: unknown) => {
      this.running.delete(ctx);
      if (failed) ctx.log.warn("a message that is not stored could not be handled", { error });
      conclude(receiver, ctx, { startedMs, failed, error });
      this.gate.done();
      if (this.gate.running === 0) this.idle?.();
    };
    runObserved(receiver, ctx, () => {
      try {
        const result = invoke(decodeDelivery(message, this.form, receiver), ctx);
        if (isPromise(result))
          result.then(
            () => finish(false),
            (error) => finish(true, error),
          );
        else finish(false);
      } catch (error) {
        finish(true, error);
      }
    });
  }

  private dropped(): void {
    const { receiver } = this.options;
    receiver.runtime.logger.warn("a message was dropped: too many wait", { receiver: receiver.name });
    receiver.runtime.observer.count("ganglion.messages.dropped", 1, { receiver: receiver.name });
  }
}
