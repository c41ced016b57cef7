import { coreError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { ResourcePlan } from "../topology/resource.js";
import type { Consumption } from "../transport/jetstream.js";
import type { ConsumedMessage } from "../transport/message.js";
import { deadLetterStream, letterSequenceOf, redriveFilter, storeDeadLetter } from "./dead-letter.js";
import { RedrivenMessage } from "./redriven-message.js";

/** What takes a redriven message: the consumer it was a dead letter of. */
export interface RedriveTaker {
  /** Name of the consumer; undefined: its messages never become dead letters. */
  readonly consumerName: string | undefined;
  takeRedriven(message: ConsumedMessage): void;
}

/** What a {@link RedriveSource} is made with. */
export interface RedriveSourceOptions {
  readonly runtime: Runtime;
  readonly service: string;
  readonly takers: readonly RedriveTaker[];
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
      options.takers.flatMap((taker) =>
        taker.consumerName === undefined ? [] : [[taker.consumerName, taker]],
      ),
    );
  }

  plan(): readonly ResourcePlan[] {
    const { service } = this.options;
    const spec = {
      name: `${service}-redrive`,
      description: `Dead letters of ${service} that are tried again`,
      filterSubjects: [redriveFilter(service)],
    };
    return [{ kind: "consumer", stream: this.stream, spec, neededBy: service }];
  }

  /** In plain words, undefined when all is well. */
  get trouble(): string | undefined {
    return this.problem === undefined ? undefined : `${this.stream}: ${this.problem.message}`;
  }

  async start(): Promise<void> {
    const { runtime, rebuild, service } = this.options;
    this.consumption = await runtime.transport.jetstream.consume(this.stream, `${service}-redrive`, {
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
