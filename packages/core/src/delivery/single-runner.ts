import type { Timer } from "@ganglion/kernel";
import { dataCodec } from "../messages/endpoint-codec.js";
import type { WireForm } from "../messages/wire-form.js";
import { Gate } from "../runtime/gate.js";
import { type Invoke, isPromise } from "../runtime/invoke.js";
import type { WorkContext } from "../runtime/work-context.js";
import type { Delivery } from "./delivery.js";
import { DeliveryContext, type Receiver } from "./delivery-context.js";
import { type DeliveryTaker, type DurableBinding, DurableSource } from "./durable-source.js";
import { KeyLanes } from "./key-lanes.js";
import { conclude, decodeDelivery, runObserved } from "./receive.js";

/** How a {@link SingleRunner} runs its method. */
export interface SingleRunnerOptions {
  readonly binding: DurableBinding;
  readonly invoke: Invoke;
  readonly concurrency: number;
  /** Handles messages of one key one after the other. */
  readonly orderBy: ((data: unknown) => string) | undefined;
}

/** Runs a method for each message of a durable consumer. */
export class SingleRunner implements DeliveryTaker {
  readonly source: DurableSource;
  private readonly gate: Gate<Delivery>;
  private readonly lanes = new KeyLanes<Delivery>();
  private readonly form: WireForm;
  /** Deliveries whose next attempt waits here. */
  private readonly pauses = new Map<Delivery, Timer>();
  private idle: (() => void) | undefined;

  constructor(private readonly options: SingleRunnerOptions) {
    this.source = new DurableSource(options.binding, this);
    this.form = dataCodec(options.binding.receiver.endpoint);
    // The consumer never has more in flight than may wait.
    this.gate = new Gate(options.concurrency, Number.POSITIVE_INFINITY, (delivery) => this.run(delivery));
  }

  take(delivery: Delivery): void {
    try {
      delivery.input = decodeDelivery(delivery.message, this.form, this.receiver);
    } catch (error) {
      this.source.fail(delivery, error);
      return;
    }
    delivery.lane = this.options.orderBy?.(delivery.input);
    if (delivery.lane === undefined || this.lanes.enter(delivery.lane, delivery)) this.gate.enter(delivery);
  }

  overdue(delivery: Delivery, error: Error): void {
    const { ctx } = delivery;
    if (ctx === undefined) return;
    const startedMs = this.receiver.runtime.clock.monotonicMs() - this.options.binding.timeoutMs;
    this.finish(delivery, ctx, { startedMs, failed: true, error });
  }

  /** Resolves when no method is running. */
  async settled(): Promise<void> {
    if (this.isIdle) return;
    await new Promise<void>((resolve) => {
      this.idle = resolve;
    });
  }

  /** Does not start what waits. */
  dropWaiting(): void {
    for (const timer of this.pauses.values()) timer.cancel();
    this.pauses.clear();
    this.gate.clear();
  }

  private get receiver(): Receiver {
    return this.options.binding.receiver;
  }

  private get isIdle(): boolean {
    return this.gate.running === 0 && this.gate.queued === 0;
  }

  private run(delivery: Delivery): void {
    if (delivery.settled) {
      this.through(delivery); // given back while it waited
      return;
    }
    const deadlineAtMs = this.source.begin(delivery);
    const ctx = new DeliveryContext(this.receiver, delivery.message, deadlineAtMs);
    ctx.localAttempts = delivery.localAttempts;
    delivery.ctx = ctx;
    const startedMs = deadlineAtMs - this.options.binding.timeoutMs;
    runObserved(this.receiver, ctx, () => this.work(delivery, ctx, startedMs));
  }

  private work(delivery: Delivery, ctx: WorkContext, startedMs: number): void {
    const succeeded = () => this.finish(delivery, ctx, { startedMs, failed: false, error: undefined });
    const failed = (error: unknown) => this.finish(delivery, ctx, { startedMs, failed: true, error });
    let result: unknown;
    try {
      result = this.options.invoke(delivery.input, ctx);
    } catch (error) {
      failed(error);
      return;
    }
    if (isPromise(result)) result.then(succeeded, failed);
    else succeeded();
  }

  private finish(delivery: Delivery, ctx: WorkContext, conclusion: Parameters<typeof conclude>[2]): void {
    if (delivery.ctx !== ctx) return; // overdue: the outcome was decided without it
    delivery.ctx = undefined;
    conclude(this.receiver, ctx, conclusion);
    if (!conclusion.failed) {
      this.source.succeed(delivery);
      this.through(delivery);
      return;
    }
    // A message with a key stays here for its next attempt, or a later one of the key would overtake it.
    const waitMs = this.source.fail(delivery, conclusion.error, { local: delivery.lane !== undefined });
    if (waitMs === undefined) {
      this.through(delivery);
    } else {
      this.pause(delivery, waitMs);
      this.leave();
    }
  }

  private pause(delivery: Delivery, waitMs: number): void {
    const timer = this.receiver.runtime.clock.schedule(waitMs, () => {
      this.pauses.delete(delivery);
      this.gate.enter(delivery);
    });
    this.pauses.set(delivery, timer);
  }

  private through(delivery: Delivery): void {
    const next = delivery.lane === undefined ? undefined : this.lanes.leave(delivery.lane);
    if (next !== undefined) this.gate.enter(next);
    this.leave();
  }

  private leave(): void {
    this.gate.done();
    if (this.isIdle) this.idle?.();
  }
}
