import { durationMs } from "@ganglion/kernel";
import type { Bound } from "../contract/contract.js";
import type { AnyEvent, AnyTask } from "../contract/inference.js";
import type { SubscribeFrom } from "../decorators/subscriber.js";
import type { SubscriberDefinition, WorkerDefinition } from "../metadata/definitions.js";
import { invokeOnce } from "../once/once-invoke.js";
import { invoker } from "../runtime/invoke.js";
import type { Runtime } from "../runtime/runtime.js";
import { isDurable, streamNameOf } from "../topology/derive.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { ConsumerSpec, DeliverFrom } from "../transport/consumer-spec.js";
import type { ConsumedMessage } from "../transport/message.js";
import { BatchRunner } from "./batch-runner.js";
import type { Receiver } from "./delivery-context.js";
import { MAX_ACK_PENDING } from "./durable-source.js";
import { LiveRunner } from "./live-runner.js";
import { failurePolicy } from "./outcome.js";
import type { RedriveTaker } from "./redrive-source.js";
import { SingleRunner } from "./single-runner.js";

const DEFAULT_CONCURRENCY = 16;
const DEFAULT_ACK_WAIT_MS = 30_000;
const DEFAULT_TIMEOUT_MS = 5 * 60_000;
const DEFAULT_BATCH_WAIT_MS = 100;
/** Messages in flight for each that may run: the second is there when the first is through. */
const PREFETCH_FACTOR = 2;
/** With keys many wait for few: more must be in flight to keep the others busy. */
const ORDERED_PREFETCH_FACTOR = 16;

type Definition = WorkerDefinition | SubscriberDefinition;

/** What a {@link DeliveryHost} is made with. */
export interface DeliveryHostRequest {
  readonly runtime: Runtime;
  /** Service the method belongs to. */
  readonly service: string;
  readonly definition: Definition;
  readonly instance: object;
  /** Creates the consumer, and its stream, anew. */
  readonly rebuild: () => Promise<unknown>;
  /** Takes the messages of this partition only. */
  readonly partition?: number;
}

/** Runs one worker or subscriber method. */
export class DeliveryHost implements RedriveTaker {
  private readonly runner: SingleRunner | BatchRunner | LiveRunner;
  private readonly consumer: ConsumerSpec | undefined;

  constructor(private readonly request: DeliveryHostRequest) {
    this.consumer = isDurable(request.definition) ? this.consumerSpec() : undefined;
    this.runner = this.makeRunner();
  }

  /** The consumer it takes its messages from. */
  plan(): readonly ResourcePlan[] {
    const { definition, service } = this.request;
    if (this.consumer === undefined) return [];
    const stream = streamNameOf(definition.endpoint);
    return [{ kind: "consumer", stream, spec: this.consumer, neededBy: `${service}.${definition.method}` }];
  }

  get consumerNames(): readonly string[] {
    if (this.consumer === undefined || this.request.definition.options.deadLetter === false) return [];
    return [this.consumer.name];
  }

  takeRedriven(message: ConsumedMessage): void {
    if (!(this.runner instanceof LiveRunner)) this.runner.source.receive(message);
  }

  /** Stream and consumer it takes its messages from; undefined: none that is kept. */
  get source():
    | { readonly stream: string; readonly consumer: string; readonly ackWaitMs: number }
    | undefined {
    if (this.consumer === undefined) return undefined;
    const { name, ackWaitMs = DEFAULT_ACK_WAIT_MS } = this.consumer;
    return { stream: streamNameOf(this.request.definition.endpoint), consumer: name, ackWaitMs };
  }

  /** In plain words, undefined when all is well. */
  get trouble(): string | undefined {
    return this.runner instanceof LiveRunner ? undefined : this.runner.source.trouble;
  }

  async start(): Promise<void> {
    if (this.runner instanceof LiveRunner) this.runner.start();
    else await this.runner.source.start();
  }

  /** Takes nothing new. */
  async stopTaking(): Promise<void> {
    if (this.runner instanceof LiveRunner) return this.runner.drain();
    await this.runner.source.stopPulling();
  }

  /** Resolves when no method is running. */
  settled(): Promise<void> {
    return this.runner.settled();
  }

  /** Gives back what is not through. */
  giveUp(): void {
    if (this.runner instanceof LiveRunner) {
      this.runner.giveUp();
    } else {
      this.runner.dropWaiting();
      this.runner.source.giveBack();
    }
  }

  /** What is waiting and not started is given back at once: only running methods are worth waiting for. */
  dropWaiting(): void {
    if (!(this.runner instanceof LiveRunner)) this.runner.dropWaiting();
  }

  private makeRunner(): SingleRunner | BatchRunner | LiveRunner {
    const { runtime, definition, instance, service, rebuild } = this.request;
    const { options, endpoint } = definition;
    const invoke = invokeOnce(runtime, { service, definition }, invoker(runtime, definition, instance));
    const timeoutMs =
      options.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(options.timeout, "timeout");
    const batch = "batch" in options ? options.batch : undefined;
    const inOrder = "ack" in options && options.ack === "all";
    const concurrency = inOrder
      ? 1
      : (options.concurrency ?? (batch === undefined ? DEFAULT_CONCURRENCY : 1));
    const { consumer } = this;
    if (consumer === undefined) {
      const receiver = this.receiver(`${service}.${definition.method}`);
      const queue = definition.role === "worker" ? service : definition.options.queue;
      return new LiveRunner({ receiver, invoke, concurrency, timeoutMs, queue });
    }
    const orderBy = orderOf(definition);
    const factor = orderBy === undefined ? PREFETCH_FACTOR : ORDERED_PREFETCH_FACTOR;
    const binding = {
      receiver: this.receiver(consumer.name),
      service,
      stream: streamNameOf(endpoint),
      consumer,
      minInFlight: Math.min(MAX_ACK_PENDING, (batch ?? 1) * concurrency * factor),
      ackWaitMs: consumer.ackWaitMs ?? DEFAULT_ACK_WAIT_MS,
      timeoutMs,
      policy: failurePolicy(options.retry, options.deadLetter),
      orderlyStop: this.request.partition !== undefined,
      rebuild,
    };
    if (batch === undefined) return new SingleRunner({ binding, invoke, concurrency, orderBy });
    const wait = "batchWait" in options ? options.batchWait : undefined;
    const batchWaitMs = wait === undefined ? DEFAULT_BATCH_WAIT_MS : durationMs(wait, "batchWait");
    return new BatchRunner({ binding, invoke, concurrency, batch, batchWaitMs });
  }

  private receiver(name: string): Receiver {
    const { runtime, definition } = this.request;
    return { runtime, endpoint: definition.endpoint as (AnyEvent | AnyTask) & Bound, name };
  }

  private consumerSpec(): ConsumerSpec {
    const { definition, service } = this.request;
    const { partition } = this.request;
    const { endpoint, options } = definition;
    const name =
      definition.role === "worker"
        ? endpoint.name
        : `${definition.options.durable || service}-${endpoint.name}`;
    const { pattern } = endpoint.template;
    const base = {
      name: partition === undefined ? name : `${name}-p${partition}`,
      description: `${service}.${definition.method}`,
      // The partition is the last token.
      filterSubjects: [partition === undefined ? pattern : pattern.replace(/\*$/, String(partition))],
      ackWaitMs: options.ackWait === undefined ? DEFAULT_ACK_WAIT_MS : durationMs(options.ackWait, "ackWait"),
    };
    if (definition.role === "worker") return base;
    const { ack, from, replay } = definition.options;
    return {
      ...base,
      ...(ack !== undefined && { ack }),
      ...(from !== undefined && { from: startOf(from) }),
      ...(replay !== undefined && { replay }),
    };
  }
}

function orderOf({ options, endpoint }: Definition): ((data: unknown) => string) | undefined {
  return options.orderBy === "key" ? endpoint.key : undefined;
}

function startOf(from: SubscribeFrom): DeliverFrom {
  if (typeof from !== "object" || "sequence" in from) return from;
  return { timeMs: new Date(from.time).getTime() };
}
