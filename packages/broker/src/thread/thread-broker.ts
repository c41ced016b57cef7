import { Worker } from "node:worker_threads";
import { assertNever, deferred, type Logger, silentLogger } from "@ganglion/kernel";
import type { Broker } from "../broker.js";
import type { BrokerStatistics } from "../connection/connection-registry.js";
import { brokerError } from "../errors.js";
import { type BrokerEventMap, type BrokerEventName, BrokerEvents } from "../events/broker-events.js";
import type { BrokerOptions } from "../options.js";
import {
  restoreError,
  type ThreadCall,
  type ThreadFacts,
  type ThreadMessage,
  type ThreadMethod,
  type ThreadStart,
} from "./thread-protocol.js";

/** Options a thread cannot have: functions stay where they are. */
const CANNOT_CROSS = ["hooks", "clock"] as const satisfies readonly (keyof BrokerOptions)[];

/** From source, as in tests, a thread runs what is built: it is not compiled on the way. */
const IS_SOURCE = import.meta.url.endsWith(".ts");
const WORKER_URL = new URL(
  IS_SOURCE ? "../../dist/thread/broker-worker.js" : "./broker-worker.js",
  import.meta.url,
);

/**
 * A broker in a thread of its own: the application and the broker do not hold each other up. It is used like any
 * {@link Broker}; what cannot cross threads is missing.
 */
export interface ThreadBroker extends Omit<Broker, "statistics" | "connectInProcess" | "handle"> {
  statistics(): Promise<BrokerStatistics>;
}

/**
 * Starts a broker in a worker thread.
 *
 * @throws GanglionError what {@link startBroker} throws; `INVALID_BROKER_OPTIONS` for hooks and a clock, which cannot
 *   cross.
 */
export async function startThreadBroker(options: BrokerOptions): Promise<ThreadBroker> {
  const faults = CANNOT_CROSS.filter((name) => options[name] !== undefined);
  if (faults.length > 0) throw cannotCross(faults.join(", "));
  const { logger, traceLine, ...rest } = options;
  const start: ThreadStart = { options: rest, logs: logger !== undefined, traces: traceLine !== undefined };
  let worker: Worker;
  try {
    worker = new Worker(WORKER_URL, {
      workerData: start,
      name: "ganglion-broker",
      ...(IS_SOURCE && { execArgv: [] }),
    });
  } catch (cause) {
    throw cannotCross("an option", cause);
  }
  const broker = new RemoteBroker(worker, { logger: logger ?? silentLogger, traceLine });
  await broker.started;
  return broker;
}

function cannotCross(what: string, cause?: unknown) {
  return brokerError(
    "INVALID_BROKER_OPTIONS",
    `Invalid broker options: ${what} cannot be used with thread: true, since functions do not cross threads`,
    { cause, details: { faults: [what] } },
  );
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The caller's side. */
class RemoteBroker implements ThreadBroker {
  private facts: ThreadFacts | undefined;
  private readonly events: BrokerEvents;
  private readonly waiting = new Map<number, Waiting>();
  private lastCall = 0;
  private closing: Promise<void> | undefined;
  private ended = false;
  private readonly ready = deferred<void>();

  constructor(
    private readonly worker: Worker,
    private readonly outlets: { readonly logger: Logger; readonly traceLine: BrokerOptions["traceLine"] },
  ) {
    this.events = new BrokerEvents(() => outlets.logger);
    worker.on("message", (message: ThreadMessage) => this.receive(message));
    worker.on("error", (error) => this.fail(error));
    worker.on("exit", () => this.fail(undefined));
  }

  /** Resolves when the broker runs. */
  get started(): Promise<void> {
    return this.ready.promise;
  }

  get url(): string {
    return this.known.url;
  }
  get host(): string {
    return this.known.host;
  }
  get port(): number {
    return this.known.port;
  }
  get serverId(): string {
    return this.known.serverId;
  }
  get serverName(): string {
    return this.known.serverName;
  }
  get monitoringUrl(): string | undefined {
    return this.known.monitoringUrl;
  }
  get websocketUrl(): string | undefined {
    return this.known.websocketUrl;
  }

  on<Name extends BrokerEventName>(name: Name, listener: (event: BrokerEventMap[Name]) => void): () => void {
    return this.events.on(name, listener);
  }

  statistics(): Promise<BrokerStatistics> {
    return this.call("statistics") as Promise<BrokerStatistics>; // what the method of that name returns
  }

  async reload(options: BrokerOptions): Promise<void> {
    const { logger: _, traceLine: __, ...rest } = options;
    await this.call("reload", rest);
  }

  async lameDuck(): Promise<void> {
    await this.call("lameDuck");
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private get known(): ThreadFacts {
    if (this.facts === undefined) throw threadFailed("it has not started");
    return this.facts;
  }

  private async end(): Promise<void> {
    if (!this.ended) await this.call("close");
    this.ended = true;
    await this.worker.terminate();
  }

  private call(method: ThreadMethod, argument?: unknown): Promise<unknown> {
    if (this.ended) return Promise.reject(threadFailed("it has ended"));
    const id = ++this.lastCall;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      const call: ThreadCall = { id, method, argument };
      try {
        this.worker.postMessage(call);
      } catch (cause) {
        this.waiting.delete(id);
        reject(cannotCross("an option", cause));
      }
    });
  }

  private receive(message: ThreadMessage): void {
    const { logger, traceLine } = this.outlets;
    switch (message.kind) {
      case "ready":
        this.facts = message.facts;
        this.ready.resolve();
        return;
      case "failed":
        this.ended = true;
        this.ready.reject(restoreError(message.error, "BROKER_THREAD_FAILED"));
        void this.worker.terminate();
        return;
      case "answer":
        this.settle(message);
        return;
      case "log":
        logger[message.level](message.message, message.fields);
        return;
      case "trace":
        traceLine?.(message.line);
        return;
      case "event":
        this.events.emit(message.name, message.event as never); // the thread sends what belongs to the name
        return;
      default:
        assertNever(message);
    }
  }

  private settle({ id, value, error }: Extract<ThreadMessage, { kind: "answer" }>): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(restoreError(error, "BROKER_THREAD_FAILED"));
  }

  /** The thread is gone: nobody will answer. */
  private fail(cause: unknown): void {
    if (this.ended) return;
    this.ended = true;
    const error = threadFailed(cause instanceof Error ? cause.message : "it has ended by itself", cause);
    this.ready.reject(error);
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
    if (this.closing === undefined) this.events.emit("error", { message: error.message, error });
  }
}

function threadFailed(reason: string, cause?: unknown) {
  return brokerError("BROKER_THREAD_FAILED", `The thread of the broker does not answer: ${reason}`, {
    cause,
  });
}
