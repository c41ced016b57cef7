import type { Timer } from "@ganglion/kernel";
import { dataCodec } from "../messages/endpoint-codec.js";
import type { WireForm } from "../messages/wire-form.js";
import { Gate } from "../runtime/gate.js";
import type { Invoke } from "../runtime/invoke.js";
import type { ConsumedMessage } from "../transport/message.js";
import type { Delivery } from "./delivery.js";
import { BatchContext, type Receiver } from "./delivery-context.js";
import { type DeliveryTaker, type DurableBinding, DurableSource } from "./durable-source.js";
import { conclude, decodeDelivery, runObserved } from "./receive.js";

/** How a {@link BatchRunner} runs its method. */
export interface BatchRunnerOptions {
  readonly binding: DurableBinding;
  readonly invoke: Invoke;
  /** Batches at a time. */
  readonly concurrency: number;
  /** Most messages in a batch. */
  readonly batch: number;
  /** Longest wait for a batch to fill. */
  readonly batchWaitMs: number;
}

/** Runs a method for batches of messages of a durable consumer. A batch succeeds or fails as a whole. */
export class BatchRunner implements DeliveryTaker {
  readonly source: DurableSource;
  private readonly gate: Gate<readonly Delivery[]>;
  private readonly form: WireForm;
  private filling: Delivery[] = [];
  private fillTimer: Timer | undefined;
  private idle: (() => void) | undefined;

  constructor(private readonly options: BatchRunnerOptions) {
    this.source = new DurableSource(options.binding, this);
    this.form = dataCodec(options.binding.receiver.endpoint);
    // The consumer never has more in flight than may wait.
    this.gate = new Gate(options.concurrency, Number.POSITIVE_INFINITY, (batch) => void this.run(batch));
  }

  take(delivery: Delivery): void {
    try {
      delivery.input = decodeDelivery(delivery.message, this.form, this.receiver);
    } catch (error) {
      this.source.fail(delivery, error);
      return;
    }
    this.filling.push(delivery);
    if (this.filling.length >= this.options.batch) this.flush();
    else
      this.fillTimer ??= this.receiver.runtime.clock.schedule(this.options.batchWaitMs, () => this.flush());
  }

  overdue(delivery: Delivery, error: Error): void {
    delivery.ctx = undefined;
    this.source.fail(delivery, error);
  }

  /** Resolves when no method is running. */
  async settled(): Promise<void> {
    this.flush();
    if (this.isIdle) return;
    await new Promise<void>((resolve) => {
      this.idle = resolve;
    });
  }

  /** Does not start what waits. */
  dropWaiting(): void {
    this.fillTimer?.cancel();
    this.filling = [];
    this.gate.clear();
  }

  private get receiver(): Receiver {
    return this.options.binding.receiver;
  }

  private get isIdle(): boolean {
    return this.gate.running === 0 && this.gate.queued === 0;
  }

  private flush(): void {
    this.fillTimer?.cancel();
    this.fillTimer = undefined;
    const batch = this.filling;
    if (batch.length === 0) return;
    this.filling = [];
    this.gate.enter(batch);
  }

  private async run(taken: readonly Delivery[]): Promise<void> {
    const batch = taken.filter((delivery) => !delivery.settled);
    const [first, ...rest] = batch.map(({ message }) => message);
    if (first !== undefined) await this.work(batch, [first, ...rest]);
    this.gate.done();
    if (this.isIdle) this.idle?.();
  }

  private async work(
    batch: readonly Delivery[],
    messages: readonly [ConsumedMessage, ...ConsumedMessage[]],
  ): Promise<void> {
    const { clock } = this.receiver.runtime;
    const startedMs = clock.monotonicMs();
    const ctx = new BatchContext(this.receiver, messages, startedMs + this.options.binding.timeoutMs);
    for (const delivery of batch) {
      this.source.begin(delivery);
      delivery.ctx = ctx;
    }
    const outcome = await new Promise<{ readonly failed: boolean; readonly error: unknown }>((resolve) => {
      const run = async () =>
        this.options.invoke(
          batch.map(({ input }) => input),
          ctx,
        );
      runObserved(this.receiver, ctx, () => {
        run().then(
          () => resolve({ failed: false, error: undefined }),
          (error) => resolve({ failed: true, error }),
        );
      });
    });
    conclude(this.receiver, ctx, { startedMs, ...outcome });
    // Backwards, so that where one acknowledgement covers all before it only the last message's is sent.
    for (const delivery of batch.toReversed()) {
      if (delivery.ctx !== ctx) continue; // overdue: the outcome was decided without it
      delivery.ctx = undefined;
      if (outcome.failed) this.source.fail(delivery, outcome.error);
      else this.source.succeed(delivery);
    }
  }
}
