import {
  type AppInternals,
  type ConsumedMessage,
  type Consumption,
  InvalidValue,
  ownerStream,
  type ResourcePlan,
  streamNameOf,
  WireForm,
} from "@ganglion/core/internal";
import type { LogFields } from "@ganglion/kernel";
import type { AwaitedEvent, SagaDefinition, StepWait } from "./definition.js";
import { JetStreamTriggers } from "./jetstream-triggers.js";
import { tokenOf } from "./subjects.js";

/** Events turned into triggers at the same time, per step and process. */
const MAX_IN_FLIGHT = 64;

/** Turns the events a step waits for into signals for the sagas they belong to. */
export class EventListener {
  private readonly form: WireForm;
  private readonly correlate: (data: unknown) => string;

  private constructor(
    private readonly app: AppInternals,
    private readonly saga: string,
    private readonly wait: StepWait & { readonly event: AwaitedEvent },
  ) {
    this.form = new WireForm(wait.event.data, wait.event.validate);
    this.correlate = wait.correlate ?? wait.event.key ?? String; // the definition saw to it that there is one
  }

  /** One listener for each step of a saga that waits for an event. */
  static of(app: AppInternals, definition: SagaDefinition): readonly EventListener[] {
    return [...definition.steps.values()].flatMap(({ wait }) =>
      wait?.event === undefined
        ? []
        : [new EventListener(app, definition.name, { ...wait, event: wait.event })],
    );
  }

  plan(): readonly ResourcePlan[] {
    // Starts with events from now on: sagas that could wait for older ones were not run by anybody yet.
    const spec = {
      name: this.consumer,
      filterSubjects: [this.wait.event.template.pattern],
      from: "new",
    } as const;
    const neededBy = `saga ${this.saga}`;
    return [
      ownerStream(this.wait.event, neededBy, this.app.streams),
      { kind: "consumer", stream: this.stream, neededBy, spec },
    ];
  }

  start(): Promise<Consumption> {
    return this.app.transport.jetstream.consume(this.stream, this.consumer, {
      maxInFlight: MAX_IN_FLIGHT,
      rebuild: () => this.app.provide(this.plan()),
      onMessage: (message) => void this.take(message),
    });
  }

  private get consumer(): string {
    return `saga-${this.saga}-${this.wait.signal}`;
  }

  private get stream(): string {
    return streamNameOf(this.wait.event);
  }

  private async take(message: ConsumedMessage): Promise<void> {
    const log = {
      saga: this.saga,
      step: this.wait.signal,
      stream: message.stream,
      sequence: message.sequence,
    };
    const id = this.idIn(message, log);
    if (id === undefined) {
      message.term("no saga can be found for it");
      return;
    }
    try {
      const data = JSON.parse(new TextDecoder().decode(message.data)) as unknown; // idIn has read it before
      const msgId = `${this.saga}:${this.wait.signal}:event:${message.stream}:${message.sequence}`;
      const triggers = new JetStreamTriggers(this.app.transport.jetstream, this.saga);
      await triggers.publish(id, { kind: "signal", name: this.wait.signal, data }, msgId);
      message.ack();
    } catch (error) {
      this.app.logger.warn("event for a saga could not be handed on", { ...log, error });
      message.nak(RETRY_MS);
    }
  }

  private idIn(message: ConsumedMessage, log: LogFields): string | undefined {
    try {
      const id = this.correlate(this.form.decode(message.data));
      tokenOf(id);
      return id;
    } catch (error) {
      const why = error instanceof InvalidValue ? error.summary : error;
      this.app.logger.error("event belongs to no saga", { ...log, error: why });
      return undefined;
    }
  }
}

const RETRY_MS = 1_000;
