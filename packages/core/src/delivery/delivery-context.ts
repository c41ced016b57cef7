import type { Duration } from "@ganglion/kernel";
import type { Bound } from "../contract/contract.js";
import type { AnyEvent, AnyTask } from "../contract/inference.js";
import type { DeliveryFacts, EventContext, FailureVerbs, TaskContext } from "../messages/context.js";
import { CLOUD_EVENT, ORIGIN_HEADER } from "../messages/header-names.js";
import type { Runtime } from "../runtime/runtime.js";
import { WorkContext } from "../runtime/work-context.js";
import type { ConsumedMessage, IncomingHeaders, IncomingMessage } from "../transport/message.js";
import { Verdict } from "./outcome.js";

/** Where a delivery came from: a stream, or nowhere when it is not stored. */
export type DeliveredFrom = ConsumedMessage | IncomingMessage;

/** The facts of a delivery. */
export class Facts implements DeliveryFacts {
  private lazyId: string | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly endpoint: (AnyEvent | AnyTask) & Bound,
    private readonly message: DeliveredFrom,
  ) {}

  get id(): string {
    this.lazyId ??=
      this.headers.get(CLOUD_EVENT.id) ??
      this.headers.get(ORIGIN_HEADER) ??
      (this.stream === undefined ? this.runtime.uniqueId() : `${this.stream}.${this.sequence}`);
    return this.lazyId;
  }
  get subject(): string {
    return this.message.subject;
  }
  get params() {
    return this.endpoint.template.params(this.subject);
  }
  get headers(): IncomingHeaders {
    return this.message.headers;
  }
  get time(): Date {
    const atMs = "timestampMs" in this.message ? this.message.timestampMs : this.runtime.clock.nowMs();
    return new Date(atMs);
  }
  get stream(): string | undefined {
    return "stream" in this.message ? this.message.stream : undefined;
  }
  get sequence(): number {
    return "sequence" in this.message ? this.message.sequence : 0;
  }
  get deliveryCount(): number {
    return "deliveryCount" in this.message ? this.message.deliveryCount : 1;
  }
}

/** The verbs of a method that works on deliveries. */
export abstract class DeliveryWork extends WorkContext implements FailureVerbs {
  retry(reason: string, options?: { readonly after?: Duration; readonly cause?: unknown }): Error {
    return new Verdict("DELIVERY_RETRY", reason, options);
  }
  reject(reason: string, options?: { readonly cause?: unknown }): Error {
    return new Verdict("DELIVERY_REJECTED", reason, options);
  }
  dead(reason: string, options?: { readonly cause?: unknown }): Error {
    return new Verdict("DELIVERY_DEAD", reason, options);
  }
}

/** Who works on a delivery. */
export interface Receiver {
  readonly runtime: Runtime;
  readonly endpoint: (AnyEvent | AnyTask) & Bound;
  /** Tells two receivers of one message apart: the durable name, or service and method. */
  readonly name: string;
}

/** What the runtime hands to a worker or subscriber. */
export class DeliveryContext extends DeliveryWork implements EventContext, TaskContext {
  /** Attempts made in this process that the server does not know of. */
  localAttempts = 0;
  private lazyFacts: Facts | undefined;

  constructor(
    private readonly receiver: Receiver,
    private readonly delivered: DeliveredFrom,
    deadlineAtMs: number | undefined,
  ) {
    super(receiver.runtime, delivered, deadlineAtMs);
  }

  get id(): string {
    return this.facts.id;
  }
  get params() {
    return this.facts.params;
  }
  get time(): Date {
    return this.facts.time;
  }
  get stream(): string | undefined {
    return this.facts.stream;
  }
  get sequence(): number {
    return this.facts.sequence;
  }
  get deliveryCount(): number {
    return this.facts.deliveryCount + this.localAttempts;
  }
  /** Two receivers of one event have different keys: what they cause is not the same. */
  get idempotencyKey(): string {
    return `${this.receiver.name}/${this.id}`;
  }
  get key(): string {
    return this.idempotencyKey;
  }
  private get facts(): Facts {
    this.lazyFacts ??= new Facts(this.runtime, this.receiver.endpoint, this.delivered);
    return this.lazyFacts;
  }
  protected get logFields() {
    const { service, name } = this.receiver.endpoint;
    return {
      service,
      endpoint: name,
      receiver: this.receiver.name,
      id: this.id,
      delivery: this.deliveryCount,
    };
  }
}

/** What the runtime hands to a subscriber of batches. */
export class BatchContext extends DeliveryWork {
  readonly deliveries: readonly DeliveryFacts[];
  private lazyKey: string | undefined;

  constructor(
    private readonly receiver: Receiver,
    messages: readonly [DeliveredFrom, ...DeliveredFrom[]],
    deadlineAtMs: number | undefined,
  ) {
    super(receiver.runtime, messages[0], deadlineAtMs);
    this.deliveries = messages.map((message) => new Facts(receiver.runtime, receiver.endpoint, message));
  }

  /** New for every attempt: batches are put together anew, so nothing that is derived from one would be the same. */
  get idempotencyKey(): string {
    this.lazyKey ??= `${this.receiver.name}/${this.receiver.runtime.uniqueId()}`;
    return this.lazyKey;
  }
  get key(): string {
    return this.idempotencyKey;
  }
  protected get logFields() {
    const { service, name } = this.receiver.endpoint;
    return { service, endpoint: name, receiver: this.receiver.name, batch: this.deliveries.length };
  }
}
