import {
  type AppInternals,
  type ComponentClass,
  type ComponentHost,
  type ConsumedMessage,
  type Consumption,
  compareAndSetFault,
  type ResourcePlan,
  type Transport,
} from "@ganglion/core/internal";
import type { Timer } from "@ganglion/kernel";
import type { SagaDefinition } from "./definition.js";
import { sagaError } from "./errors.js";
import { EventListener } from "./event-listener.js";
import { JetStreamJournal } from "./jetstream-journal.js";
import { dueAtMsOf, isSweep, JetStreamTriggers, triggerOf } from "./jetstream-triggers.js";
import { sagaPlans } from "./resources.js";
import { SagaWorker } from "./saga-worker.js";
import { classBody } from "./step-body.js";
import { endedSubject, JOURNAL_STREAM, TRIGGER_STREAM, timerConsumer, triggerConsumer } from "./subjects.js";
import { Sweeper } from "./sweeper.js";

/** A saga class an app runs. */
export interface HostedSaga {
  readonly type: ComponentClass;
  readonly definition: SagaDefinition;
}

/** Time between two sweeps, in leases. */
const SWEEP_LEASES = 2;
/** Workers a saga may outlive without progress before it is stuck. */
const MAX_TAKEOVERS = 10;
/** Timers a process looks at at the same time. */
const MAX_TIMERS_IN_FLIGHT = 256;

/** Runs all saga classes of an app. */
export class SagaHost implements ComponentHost {
  private readonly runners: SagaRunner[];

  constructor(
    private readonly app: AppInternals,
    sagas: readonly HostedSaga[],
  ) {
    this.runners = sagas.map((saga) => new SagaRunner(app, saga));
  }

  plan(): readonly ResourcePlan[] {
    return this.runners.flatMap((runner) => runner.plan());
  }

  async start(): Promise<void> {
    await refuseUnsafeServer(this.app.transport);
    await Promise.all(this.runners.map((runner) => runner.start()));
  }

  async stop(budget: AbortSignal): Promise<void> {
    await Promise.all(this.runners.map((runner) => runner.stop(budget)));
  }

  problems(): readonly string[] {
    return this.runners.flatMap((runner) => runner.problems());
  }
}

async function refuseUnsafeServer(transport: Transport): Promise<void> {
  const fault = await compareAndSetFault(transport, JOURNAL_STREAM);
  if (fault !== undefined) throw sagaError("SAGA_UNSAFE_SERVER", fault);
}

/** One saga class in one process, on JetStream. */
class SagaRunner {
  private worker: SagaWorker | undefined;
  private sweeper: Sweeper | undefined;
  private readonly consumptions: Consumption[] = [];
  private readonly listeners: readonly EventListener[];
  private readonly troubles = new Map<string, string>();
  private renewal: Timer | undefined;

  constructor(
    private readonly app: AppInternals,
    private readonly saga: HostedSaga,
  ) {
    this.listeners = EventListener.of(app, saga.definition);
  }

  plan(): readonly ResourcePlan[] {
    return [
      ...sagaPlans(this.saga.definition, this.app.streams),
      ...this.listeners.flatMap((listener) => listener.plan()),
    ];
  }

  problems(): readonly string[] {
    return [...this.troubles].map(([consumer, trouble]) => `${consumer}: ${trouble}`);
  }

  async start(): Promise<void> {
    const { definition, type } = this.saga;
    const { jetstream } = this.app.transport;
    this.worker = this.makeWorker((await this.app.instance(type)) as object); // instances of classes are objects
    this.sweeper = new Sweeper(
      { jetstream, definition, clock: this.app.clock, logger: this.app.logger, observer: this.app.observer },
      { intervalMs: SWEEP_LEASES * definition.leaseMs, leaseMs: definition.leaseMs },
    );
    await this.sweeper.arm();
    this.renewLater();
    await this.consume(triggerConsumer(definition.name), {
      maxInFlight: definition.concurrency,
      onMessage: (message) => this.take(message),
    });
    await this.consume(timerConsumer(definition.name), {
      maxInFlight: MAX_TIMERS_IN_FLIGHT,
      onMessage: (message) => this.takeTimer(message),
    });
    for (const listener of this.listeners) this.consumptions.push(await listener.start());
  }

  async stop(budget: AbortSignal): Promise<void> {
    // No further step may start while the consumers drain.
    const released = this.worker?.stop(budget);
    await Promise.all(this.consumptions.map((consumption) => consumption.stop()));
    await released;
    this.renewal?.cancel();
  }

  private makeWorker(instance: object): SagaWorker {
    const { app } = this;
    const { definition } = this.saga;
    const { jetstream } = app.transport;
    let nonces = 0;
    return new SagaWorker(
      {
        definition,
        clock: app.clock,
        observer: app.observer,
        logger: app.logger,
        owner: app.instanceId,
        nonce: () => `${app.instanceId}.${++nonces}`,
        stopping: app.stopping,
        body: classBody({ definition, instance, effects: app.effects, clock: app.clock, logger: app.logger }),
        journal: new JetStreamJournal(jetstream, definition.name),
        triggers: new JetStreamTriggers(jetstream, definition.name),
        ended: ({ id, status }) => {
          app.observer.count("ganglion.saga.ended", 1, { "ganglion.saga.name": definition.name, status });
          app.transport.publish(endedSubject(definition.name, id), NOTHING);
        },
      },
      { leaseMs: definition.leaseMs, maxTakeovers: MAX_TAKEOVERS },
    );
  }

  private async consume(
    consumer: string,
    options: { maxInFlight: number; onMessage: (message: ConsumedMessage) => void },
  ): Promise<void> {
    const { jetstream } = this.app.transport;
    const plan = sagaPlans(this.saga.definition, this.app.streams).find(
      (candidate) => candidate.kind === "consumer" && candidate.spec.name === consumer,
    );
    const consumption = await jetstream.consume(TRIGGER_STREAM, consumer, {
      ...options,
      ...(plan !== undefined && { rebuild: () => this.app.provide([plan]) }),
      onHealth: (problem) => {
        if (problem === undefined) this.troubles.delete(consumer);
        else this.troubles.set(consumer, problem.message);
      },
    });
    consumption.closed.catch((error) => this.troubles.set(consumer, String(error)));
    this.consumptions.push(consumption);
  }

  private take(message: ConsumedMessage): void {
    try {
      this.worker?.handle(triggerOf(message));
    } catch (error) {
      this.app.logger.error("saga trigger dropped", { saga: this.saga.definition.name, error });
      message.term(String(error));
    }
  }

  /** Servers before 2.12 know no schedules, and a redelivery is not the timer firing: the stored time decides. */
  private takeTimer(message: ConsumedMessage): void {
    try {
      if (isSweep(message, this.saga.definition.name)) {
        void this.sweeper?.handle(message);
        return;
      }
      const waitMs = dueAtMsOf(message) - this.app.clock.nowMs();
      if (waitMs > 0) message.nak(waitMs);
      else this.worker?.handle(triggerOf(message));
    } catch (error) {
      this.app.logger.error("saga timer dropped", { saga: this.saga.definition.name, error });
      message.term(String(error));
    }
  }

  private renewLater(): void {
    this.renewal = this.app.clock.schedule(this.saga.definition.leaseMs / 3, () => {
      this.worker?.renew();
      this.renewLater();
    });
  }
}

const NOTHING = new Uint8Array(0);
