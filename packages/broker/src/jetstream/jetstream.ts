import { type Clock, type Logger, silentLogger, systemClock } from "@ganglion/kernel";
import {
  ACK_PREFIX,
  type AccountLimits,
  type AckPolicy,
  API_PREFIX,
  domainApiPrefix,
  FLOW_CONTROL_PREFIX,
  getHeader,
  JETSTREAM_HEADERS,
  parseAckSubject,
  STATUS,
} from "@ganglion/protocol";
import type { Storage } from "@ganglion/store";
import { JetStreamAccount } from "./account.js";
import type { AccountBus, RoutedMessage } from "./account-bus.js";
import { NO_ACCOUNT_LIMITS, type ServerLimits } from "./account-limits.js";
import { ApiRouter } from "./api/api-router.js";
import { statusMessage } from "./consumer/delivery-target.js";
import { ReadyQueue } from "./ready-queue.js";
import { type BatchLimits, InFlight } from "./stream/in-flight.js";
import type { Stream } from "./stream/stream.js";

/** What {@link startJetStream} takes. */
export interface JetStreamServerOptions extends ServerLimits {
  /** Where file streams are kept; without it they are refused. */
  readonly fileStorage?: Storage | undefined;
  /** Where memory streams are kept; without it they are refused. */
  readonly memoryStorage?: Storage | undefined;
  /** @default the clock of this process */
  readonly clock?: Clock | undefined;
  /** @default none */
  readonly logger?: Logger | undefined;
  /** Refuse requests with fields that are not known. @default true */
  readonly strict?: boolean | undefined;
  /** Name of the server, as audit advisories tell it. @default empty */
  readonly serverName?: string | undefined;
  /** What batches of publishes may take. @default those of nats-server */
  readonly batchLimits?: BatchLimits | undefined;
  /** Name of the JetStream domain of this server. */
  readonly domain?: string | undefined;
  /** Largest payload the broker takes, in bytes. @default 1 MiB */
  readonly maxPayloadBytes?: number | undefined;
}

/** JetStream of a server: streams and consumers of every account it is enabled for. */
export interface JetStream {
  /**
   * Gives an account JetStream: opens what is stored for it, then takes in messages and requests.
   *
   * @param limits - @default none
   * @param tier - name of the tier the limits are of, such as `R1`. @default no tiers
   */
  enable(bus: AccountBus, limits?: AccountLimits, tier?: string): Promise<JetStreamAccount>;
  /** Takes JetStream from an account; what it has stored stays. */
  disable(name: string): Promise<void>;
  /** The account's JetStream, if it is enabled. */
  account(name: string): JetStreamAccount | undefined;
  /** Every account that has JetStream. */
  accounts(): Iterable<JetStreamAccount>;
  /** Stops taking in and delivering. The storages are closed by whoever opened them. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;

/** Starts JetStream on storages that are open. No account has it until {@link JetStream.enable}. */
export function startJetStream(options: JetStreamServerOptions): JetStream {
  return new JetStreamServer(options);
}

class JetStreamServer implements JetStream {
  private readonly byName = new Map<string, { account: JetStreamAccount; unsubscribe: () => void }>();
  private readonly ready: ReadyQueue;
  private readonly inFlight: InFlight;
  private readonly logger: Logger;

  constructor(private readonly options: JetStreamServerOptions) {
    this.logger = options.logger ?? silentLogger;
    this.inFlight = new InFlight(options.batchLimits);
    this.ready = new ReadyQueue((error) => this.logger.error("a delivery failed", { error }));
  }

  async enable(
    bus: AccountBus,
    limits: AccountLimits = NO_ACCOUNT_LIMITS,
    tier?: string,
  ): Promise<JetStreamAccount> {
    const { options } = this;
    const account = new JetStreamAccount({
      bus,
      limits,
      tier,
      serverName: options.serverName ?? "",
      isLenient: options.strict === false,
      clock: options.clock ?? systemClock,
      logger: this.logger.child({ account: bus.accountName }),
      ready: this.ready,
      domain: options.domain,
      serverLimits: options,
      inFlight: this.inFlight,
      maxPayloadBytes: options.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES,
      storages: { file: options.fileStorage, memory: options.memoryStorage },
      allStreams: () => this.allStreams(),
    });
    await account.recover();
    this.byName.set(bus.accountName, { account, unsubscribe: subscribe(account, options.domain) });
    account.startCopies();
    return account;
  }

  async disable(name: string): Promise<void> {
    const found = this.byName.get(name);
    this.byName.delete(name);
    found?.unsubscribe();
    await found?.account.close();
  }

  account(name: string): JetStreamAccount | undefined {
    return this.byName.get(name)?.account;
  }

  *accounts(): Iterable<JetStreamAccount> {
    for (const { account } of this.byName.values()) yield account;
  }

  async close(): Promise<void> {
    const closing = [...this.byName.values()];
    this.byName.clear();
    for (const { account, unsubscribe } of closing) {
      unsubscribe();
      await account.close();
    }
  }

  private *allStreams(): Iterable<Stream> {
    for (const { account } of this.byName.values()) yield* account.streams;
  }
}

/** Ack policies of consumers whose messages are acknowledged one by one, by a reply. */
const TAKES_ACKS: ReadonlySet<AckPolicy> = new Set(["all", "explicit"]);

/** Listens to everything JetStream is asked and told in an account. @returns a function that stops it. */
function subscribe(account: JetStreamAccount, domain: string | undefined): () => void {
  const { bus, consumers } = account;
  const router = new ApiRouter(account);
  const acknowledge = (message: RoutedMessage) => {
    const { subject, reply, data, headerSizeBytes } = message;
    const position = parseAckSubject(subject);
    const consumer = position === undefined ? undefined : consumers.find(position.consumerKey);
    if (consumer !== undefined && position !== undefined && TAKES_ACKS.has(consumer.config.ack_policy)) {
      consumer.acknowledge(position, data.subarray(headerSizeBytes), reply);
    } else if (reply !== undefined) {
      // nats-server listens for acknowledgements per consumer, and only where there are any.
      bus.publish(statusMessage(reply, STATUS.noResponders));
    }
  };
  const flowControl = ({ subject, data, headerSizeBytes }: RoutedMessage) => {
    const key = subject.slice(FLOW_CONTROL_PREFIX.length, subject.lastIndexOf("."));
    const sequence = (name: string) =>
      headerSizeBytes === 0 ? 0 : Number(getHeader(data, name, headerSizeBytes) ?? 0) || 0;
    consumers.find(key)?.flowControlAnswered(subject, {
      consumer: sequence(JETSTREAM_HEADERS.lastConsumer),
      stream: sequence(JETSTREAM_HEADERS.lastStream),
    });
  };
  const stops = [
    bus.subscribe(`${API_PREFIX}>`, (message) => router.take(message)),
    bus.subscribe(`${ACK_PREFIX}>`, acknowledge),
    bus.subscribe(`${FLOW_CONTROL_PREFIX}>`, flowControl),
  ];
  if (domain !== undefined) {
    const prefix = domainApiPrefix(domain);
    stops.push(bus.subscribe(`${prefix}>`, (message) => router.take(message, prefix)));
  }
  return () => {
    for (const stop of stops) stop();
  };
}
