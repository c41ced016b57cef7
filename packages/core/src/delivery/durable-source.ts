import { GanglionError, type Timer } from "@ganglion/kernel";
import { coreError } from "../errors.js";
import { Deadlines } from "../timing/deadlines.js";
import type { ConsumerSpec } from "../transport/consumer-spec.js";
import type { Consumption } from "../transport/jetstream.js";
import type { ConsumedMessage } from "../transport/message.js";
import { storeDeadLetter } from "./dead-letter.js";
import { Delivery } from "./delivery.js";
import type { Receiver } from "./delivery-context.js";
import { type FailurePolicy, outcomeOf } from "./outcome.js";

/** What a {@link DurableSource} takes messages from, and how. */
export interface DurableBinding {
  readonly receiver: Receiver;
  /** Service whose dead letters these are. */
  readonly service: string;
  readonly stream: string;
  readonly consumer: ConsumerSpec;
  /** Messages in flight while methods are slow; while they are fast, it is as many as the server allows. */
  readonly minInFlight: number;
  readonly ackWaitMs: number;
  /** Longest time a method may take. */
  readonly timeoutMs: number;
  readonly policy: FailurePolicy;
  /** See {@link ConsumeOptions.orderlyStop}. */
  readonly orderlyStop: boolean;
  /** Creates the consumer anew when it was lost. */
  readonly rebuild: () => Promise<unknown>;
}

/** What a {@link DurableSource} hands messages to. */
export interface DeliveryTaker {
  take(delivery: Delivery): void;
  /** The method took too long: it counts as failed with `error`, and whatever it still does does not count. */
  overdue(delivery: Delivery, error: Error): void;
}

/** How long a dead letter that could not be stored is kept back. */
const DEAD_LETTER_RETRY_MS = 5_000;
/** What the server lets a consumer have in flight unless told otherwise. */
export const MAX_ACK_PENDING = 1_000;
/** Signs of life in each ack wait. */
const WORKING_FACTOR = 3;

/**
 * The messages of one durable consumer: it keeps the server informed while they are being worked on, and turns the
 * outcome of a method into an acknowledgement, a delayed redelivery, or a dead letter.
 */
export class DurableSource {
  /** Messages that arrived and are not settled. */
  private readonly active = new Set<Delivery>();
  private readonly deadlines: Deadlines;
  private consumption: Consumption | undefined;
  private heartbeat: Timer | undefined;
  private problem: Error | undefined;
  private stopped = false;

  constructor(
    readonly binding: DurableBinding,
    private readonly taker: DeliveryTaker,
  ) {
    this.deadlines = new Deadlines(this.runtime.clock);
  }

  get name(): string {
    return `${this.binding.stream}/${this.binding.consumer.name}`;
  }

  /** In plain words, undefined when all is well. */
  get trouble(): string | undefined {
    return this.problem === undefined ? undefined : `${this.name}: ${this.problem.message}`;
  }

  get activeCount(): number {
    return this.active.size;
  }

  async start(): Promise<void> {
    const { stream, consumer, minInFlight, orderlyStop, rebuild } = this.binding;
    this.consumption = await this.runtime.transport.jetstream.consume(stream, consumer.name, {
      minInFlight,
      maxInFlight: consumer.maxAckPending ?? MAX_ACK_PENDING,
      onMessage: (message) => this.receive(message),
      onHealth: (problem) => this.health(problem),
      orderlyStop,
      rebuild,
    });
    this.consumption.closed.catch((error) => this.health(error));
    this.keepWorking();
  }

  /** Ends pulling; what arrived is still worked on. */
  async stopPulling(): Promise<void> {
    this.stopped = true;
    await this.consumption?.stop();
  }

  /** Gives everything back that is not settled. */
  giveBack(): void {
    for (const delivery of [...this.active]) {
      delivery.ctx?.abort(new GanglionError("ABORTED", "The app is stopping"));
      this.settle(delivery, () => delivery.message.nak());
    }
    this.heartbeat?.cancel();
  }

  /** Starts the clock of a method. @returns the monotonic time it must be through at */
  begin(delivery: Delivery): number {
    const deadlineMs = this.runtime.clock.monotonicMs() + this.binding.timeoutMs;
    this.deadlines.addAt(delivery, deadlineMs);
    return deadlineMs;
  }

  /** The method is through with it. */
  succeed(delivery: Delivery): void {
    this.settle(delivery, () => delivery.message.ack());
  }

  /**
   * The method failed.
   *
   * @returns how long to wait before another attempt that is made here, when `local`; undefined when it is settled.
   */
  fail(delivery: Delivery, error: unknown, { local = false } = {}): number | undefined {
    this.deadlines.remove(delivery);
    if (delivery.settled) return undefined;
    const outcome = outcomeOf(error, delivery.attempt, this.binding.policy);
    this.report(delivery, error, outcome.kind);
    if (outcome.kind === "reject") {
      this.settle(delivery, () => delivery.message.term("rejected"));
    } else if (outcome.kind === "dead") {
      void this.bury(delivery, error);
    } else if (local && !this.stopped) {
      delivery.localAttempts++;
      return outcome.delayMs;
    } else {
      this.settle(delivery, () => delivery.message.nak(outcome.delayMs));
    }
    return undefined;
  }

  /** @internal The method took too long. */
  overdue(delivery: Delivery): void {
    const { timeoutMs } = this.binding;
    const error = coreError("TIMEOUT", `${this.binding.receiver.name} took more than ${timeoutMs} ms`);
    delivery.ctx?.abort(error);
    this.taker.overdue(delivery, error);
  }

  private get runtime() {
    return this.binding.receiver.runtime;
  }

  /** Takes in a message: from the consumer, or one that comes back from the dead letters. */
  receive(message: ConsumedMessage): void {
    const delivery = new Delivery(message, this);
    this.active.add(delivery);
    // A message that ends its process comes back without anybody having counted the failure.
    if (message.deliveryCount > this.binding.policy.attempts) {
      this.fail(
        delivery,
        coreError("TIMEOUT", `Delivered ${message.deliveryCount} times without an outcome`),
      );
    } else {
      this.taker.take(delivery);
    }
  }

  private settle(delivery: Delivery, send: () => void): void {
    this.deadlines.remove(delivery);
    if (this.active.delete(delivery)) send();
  }

  /** Stores the dead letter before the message is given up: in between it must not be lost. */
  private async bury(delivery: Delivery, error: unknown): Promise<void> {
    const { message, attempt: attempts } = delivery;
    try {
      await storeDeadLetter(this.runtime.transport, {
        message,
        service: this.binding.service,
        error,
        attempts,
      });
      this.settle(delivery, () => message.term("dead letter"));
    } catch (failure) {
      this.runtime.logger.error("a dead letter could not be stored: the message is kept back", {
        consumer: this.name,
        sequence: message.sequence,
        error: failure,
      });
      this.settle(delivery, () => message.nak(DEAD_LETTER_RETRY_MS));
    }
  }

  private keepWorking(): void {
    this.heartbeat = this.runtime.clock.schedule(this.binding.ackWaitMs / WORKING_FACTOR, () => {
      for (const delivery of this.active) delivery.message.working();
      this.keepWorking();
    });
  }

  private report(delivery: Delivery, error: unknown, outcome: string): void {
    const { receiver } = this.binding;
    const { service, name } = receiver.endpoint;
    const { sequence, stream } = delivery.message;
    this.runtime.logger.warn("a delivery failed", {
      receiver: receiver.name,
      service,
      endpoint: name,
      stream,
      sequence,
      attempt: delivery.attempt,
      outcome,
      error,
    });
    this.runtime.observer.count("ganglion.delivery.failures", 1, { receiver: receiver.name, outcome });
  }

  private health(problem: Error | undefined): void {
    this.problem = problem;
    if (problem === undefined) this.runtime.logger.info("consuming goes on", { consumer: this.name });
    else this.runtime.logger.warn("consuming is disturbed", { consumer: this.name, error: problem });
  }
}
