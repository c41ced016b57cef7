import { coreError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { Consumption } from "../transport/jetstream.js";
import type { ConsumedMessage } from "../transport/message.js";
import { deadLetterStream, letterSequenceOf, redriveFilter, storeDeadLetter } from "./dead-letter.js";
import { RedrivenMessage } from "./redriven-message.js";

/** What takes a redriven message: the consumer it was a dead letter of. */
export interface RedriveTaker {
  /** Names of its consumers whose messages can become dead letters. */
  readonly consumerNames: readonly string[];
  takeRedriven(message: ConsumedMessage): void;
}

/** What a {@link RedriveSource} is made with. */
export interface RedriveSourceOptions {
  readonly runtime: Runtime;
  readonly service: string;
  readonly takers: readonly RedriveTaker[];
  /** Takes letters of this consumer only. @default those of all consumers of the service */
  readonly consumer?: string | undefined;
  /** Consumers whose letters have a source of their own. */
  readonly ignored?: readonly string[];
  readonly rebuild: () => Promise<unknown>;
}

const MAX_IN_FLIGHT = 64;

/** Brings redriven dead letters back to the methods of a service. */
export class RedriveSource {
  private readonly takers: ReadonlyMap<string, RedriveTaker>;
  private readonly stream: string;
  private consumption: Consumption | undefined;
  private problem: Error | undefined;

  constructor(private readonly options: RedriveSourceOptions) {
    this.stream = deadLetterStream(options.service).name;
    this.takers = new Map(
      options.takers.flatMap((taker) => taker.consumerNames.map((name) => [name, taker] as const)),
    );
  }

  plan(): readonly ResourcePlan[] {
    const { service, consumer } = this.options;
    const spec = {
      name: this.name,
      description: `Dead letters of ${consumer ?? service} that are tried again`,
      filterSubjects: [redriveFilter(service, consumer)],
    };
    return [{ kind: "consumer", stream: this.stream, spec, neededBy: service }];
  }

  private get name(): string {
    return `${this.options.consumer ?? this.options.service}-redrive`;
  }

  /** In plain words, undefined when all is well. */
  get trouble(): string | undefined {
    return this.problem === undefined ? undefined : `${this.stream}: ${this.problem.message}`;
  }

  async start(): Promise<void> {
    const { runtime, rebuild } = this.options;
    this.consumption = await runtime.transport.jetstream.consume(this.stream, this.name, {
      maxInFlight: MAX_IN_FLIGHT,
      onMessage: (message) => this.receive(message),
      onHealth: (problem) => {
        this.problem = problem;
      },
      rebuild,
    });
    this.consumption.closed.catch((error) => {
      this.problem = error;
    });
  }

  async stop(): Promise<void> {
    await this.consumption?.stop();
  }

  private receive(carrier: ConsumedMessage): void {
    const message = new RedrivenMessage(carrier, () => this.remove(carrier));
    if (this.options.ignored?.includes(message.consumer)) {
      carrier.ack();
      return;
    }
    const taker = this.takers.get(message.consumer);
    if (taker === undefined) void this.returnLetter(message);
    else taker.takeRedriven(message);
  }

  /** First the letter: as long as it is there, it could be redriven again. */
  private async remove(carrier: ConsumedMessage): Promise<void> {
    const { streams } = this.options.runtime.transport.jetstream;
    await streams.deleteMessage(this.stream, letterSequenceOf(carrier.subject));
    await streams.deleteMessage(this.stream, carrier.sequence);
  }

  /** The method it was a letter of is not here any more: it becomes one again. */
  private async returnLetter(message: RedrivenMessage): Promise<void> {
    const { runtime, service } = this.options;
    const error = coreError("NO_CONSUMER", `${service} has no consumer ${message.consumer} any more`, {
      details: { service, consumer: message.consumer },
    });
    try {
      await storeDeadLetter(runtime.transport, { message, service, error, attempts: message.deliveryCount });
      message.term("no such consumer");
    } catch (failure) {
      runtime.logger.error("a dead letter could not be put back", { service, error: failure });
      message.nak(5_000);
    }
  }
}
