import type { Clock, Logger } from "@ganglion/kernel";
import { type ApiError, isSubsetFilter, STATUS, type StreamConfig } from "@ganglion/protocol";
import type {
  MessageStoreListener,
  PurgeOptions,
  RemovalReason,
  StoredMessage,
  StoreLimits,
  StreamStore,
} from "@ganglion/store";
import type { AccountBus } from "../account-bus.js";
import type { Advisories } from "../advisories.js";
import { Consumer, type ConsumerOptions } from "../consumer/consumer.js";
import type { ConsumerHost } from "../consumer/consumer-host.js";
import { filtersOf } from "../consumer/deliver-policy.js";
import { Copies } from "../origin/copies.js";
import type { ReadyQueue } from "../ready-queue.js";
import { ConsumerIndex } from "./consumer-index.js";
import type { InFlight } from "./in-flight.js";
import { Ingest } from "./ingest.js";
import type { PublishHeaders } from "./publish-headers.js";
import { leavesOnAck } from "./retention.js";
import { TimedMessages } from "./timed-messages.js";

/** What a stream needs of its account. */
export interface StreamHost {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly advisories: Advisories;
  readonly ready: ReadyQueue;
  readonly domain: string | undefined;
  readonly maxPayloadBytes: number;
  readonly inFlight: InFlight;
  /** Why there is no room for `sizeBytes` more in this storage. */
  resourceRefusal(config: StreamConfig, sizeBytes: number): ApiError | undefined;
  /** A consumer was not used for its inactive threshold: it goes. */
  consumerExpired(stream: Stream, consumer: Consumer): void;
}

/** What a stream is made with. */
export interface StreamOptions {
  readonly config: StreamConfig;
  /** Microseconds since 1970. */
  readonly createdUs: number;
  readonly store: StreamStore;
}

/** A stream: its log, its consumers, and the one way in. */
export class Stream implements MessageStoreListener {
  readonly store: StreamStore;
  readonly createdUs: number;
  readonly consumers = new ConsumerIndex<Consumer>();
  private currentConfig: StreamConfig;
  private readonly ingest: Ingest;
  private readonly timed: TimedMessages;
  /** What it copies from other streams. */
  readonly copies: Copies;
  private copying = false;
  private readonly consumerHost: ConsumerHost;
  private unsubscribes = new Map<string, () => void>();
  /** Consumers that were given messages which are not durable yet. */
  private expectant: Consumer[] = [];
  private waitingForDurable: { readonly sequence: number; readonly callback: () => void }[] = [];
  private closed = false;

  constructor(
    options: StreamOptions,
    private readonly host: StreamHost,
  ) {
    this.store = options.store;
    this.createdUs = options.createdUs;
    this.currentConfig = options.config;
    const { bus, clock, logger, advisories, ready, domain, maxPayloadBytes } = host;
    const { messages } = this.store;
    this.ingest = new Ingest(options.config, {
      bus,
      clock,
      logger,
      domain,
      messages,
      hasInterest: (subject) => this.consumers.matching(subject).length > 0,
      inFlight: host.inFlight,
      maxPayloadBytes,
      appended: (message, headers) => this.appended(message, headers),
      resourceRefusal: (sizeBytes) => host.resourceRefusal(this.currentConfig, sizeBytes),
      rollUp: (subject, keep) =>
        void this.purge(subject === undefined ? { keep } : { filter: subject, keep }),
      purgeSubject: (subject) => void this.purge({ filter: subject }),
      batchAbandoned: (batch, reason) =>
        advisories.advise(`STREAM.BATCH_ABANDONED.${this.name}`, "stream_batch_abandoned", {
          stream: this.name,
          batch,
          reason,
        }),
    });
    this.timed = new TimedMessages({
      clock,
      messages,
      publish: (subject, message) =>
        this.ingest.takeInternal({ subject, ...message }, { isSourced: true }) !== undefined,
    });
    this.copies = new Copies({
      bus,
      clock,
      logger,
      domain,
      messages,
      store: this.store,
      accountName: bus.accountName,
      copyName: options.config.name,
      whenDurable: (callback) => this.whenDurable(messages.state().lastSequence, callback),
      storeMessage: (message) => this.ingest.takeInternal(message, { isSourced: true }),
      storeMirrored: (message) => this.ingest.takeMirrored(message),
    });
    const currentConfig = () => this.currentConfig;
    this.consumerHost = {
      bus,
      clock,
      logger,
      advisories,
      ready,
      messages,
      maxPayloadBytes,
      get config() {
        return currentConfig();
      },
      whenDurable: (sequence, callback) => this.whenDurable(sequence, callback),
      released: (consumer, sequence) => this.release(consumer, sequence),
      expired: (consumer) => host.consumerExpired(this, consumer),
    };
  }

  get name(): string {
    return this.currentConfig.name;
  }

  get config(): StreamConfig {
    return this.currentConfig;
  }

  /** Starts to take in messages. */
  start(): void {
    this.timed.applyConfig(this.currentConfig);
    this.subscribe(this.currentConfig.subjects ?? []);
  }

  /** Starts to copy from other streams. The API of the account must be there. */
  startCopies(): void {
    this.copying = true;
    this.copies.applyConfig(this.currentConfig);
  }

  /** Consumers that somebody made, without those through which other streams copy this one. */
  get publicConsumers(): readonly Consumer[] {
    return this.consumers.consumers.filter(({ config }) => config.direct !== true);
  }

  /** Takes a new configuration, which was checked and made durable. */
  updateConfig(config: StreamConfig): void {
    this.currentConfig = config;
    this.ingest.updateConfig(config);
    this.timed.applyConfig(config);
    if (this.copying) this.copies.applyConfig(config);
    this.store.messages.setCompression(config.compression === "s2");
    this.store.messages.setLimits(storeLimits(config));
    this.subscribe(config.subjects ?? []);
    if (config.retention === "interest") this.removeUnneeded();
  }

  /** Adds a consumer whose memory exists. */
  addConsumer(options: ConsumerOptions): Consumer {
    const consumer = new Consumer(options, this.consumerHost);
    this.consumers.add(consumer);
    return consumer;
  }

  /** Ends a consumer and lets go of what only it needed. */
  removeConsumer(consumer: Consumer): void {
    this.consumers.remove(consumer);
    consumer.close(STATUS.consumerDeleted);
    if (this.currentConfig.retention === "interest") this.removeUnneeded();
  }

  /** A consumer has a new configuration, which was checked and made durable. */
  updateConsumer(consumer: Consumer, config: Consumer["config"]): void {
    consumer.updateConfig(config);
    this.consumers.changed();
    if (this.currentConfig.retention === "interest") this.removeUnneeded();
  }

  /** Removes messages. @returns how many. */
  purge(options: PurgeOptions): number {
    const { messages } = this.store;
    const purged = messages.purge(options);
    const { firstSequence, lastSequence } = messages.state();
    const { filter } = options;
    for (const consumer of this.consumers.consumers) {
      const filters = filtersOf(consumer.config);
      const isCovered =
        filter === undefined ||
        (filters.length > 0 && filters.every((narrow) => isSubsetFilter(narrow, filter)));
      if (!isCovered) continue;
      const next = filters.length === 0 ? undefined : messages.next(firstSequence, filters)?.sequence;
      consumer.skipTo(filters.length === 0 ? firstSequence : (next ?? lastSequence + 1));
    }
    return purged;
  }

  /** Calls `callback` once a message at `sequence` is durable; at once if it is. */
  whenDurable(sequence: number, callback: () => void): void {
    if (sequence <= this.store.messages.durableSequence) callback();
    else this.waitingForDurable.push({ sequence, callback });
  }

  /** Ends the stream: nothing is taken in or delivered any more. `status` goes to those who wait. */
  close(status = STATUS.consumerDeleted): void {
    if (this.closed) return;
    this.closed = true;
    this.ingest.close();
    this.timed.close();
    this.copies.close();
    this.subscribe([]);
    for (const consumer of this.consumers.consumers) consumer.close(status);
  }

  /** Removes messages that no consumer needs, of a stream that keeps only what is needed. */
  removeUnneeded(): void {
    const { retention } = this.currentConfig;
    if (retention === "limits") return;
    const { messages } = this.store;
    const { firstSequence, lastSequence } = messages.state();
    for (let next = this.tryNext(firstSequence); next !== undefined; next = this.tryNext(next.sequence + 1)) {
      if (next.sequence > lastSequence) return;
      const { sequence, subject } = next;
      const takers = this.consumers.matching(subject);
      if (retention === "workqueue" && takers.length === 0) continue;
      if (!takers.some((consumer) => consumer.needs(sequence, subject))) messages.remove(sequence);
    }
  }

  durable(sequence: number): void {
    if (this.closed) return;
    this.ingest.durable(sequence);
    this.copies.durable(sequence);
    if (this.waitingForDurable.length > 0) this.callWaiting(sequence);
    const { expectant } = this;
    this.expectant = [];
    for (const consumer of expectant) {
      consumer.wake();
      if (consumer.newestAppended > sequence) this.expectant.push(consumer);
      else consumer.newestAppended = 0;
    }
  }

  failed(error: unknown, fromSequence: number): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.host.logger.error("messages could not be stored", { stream: this.name, fromSequence, error });
    this.ingest.failed(fromSequence, reason);
    this.timed.failed();
    this.copies.failed();
    this.expectant = [];
    for (const consumer of this.consumers.consumers) consumer.recount();
    this.callWaiting(Number.POSITIVE_INFINITY);
  }

  removed(sequence: number, subject: string, _reason: RemovalReason): void {
    this.timed.removed(sequence);
    for (const consumer of this.consumers.consumers) consumer.removed(sequence, subject);
  }

  private appended(message: StoredMessage, headers: PublishHeaders | undefined): void {
    this.timed.added(message, headers);
    const { sequence, subject } = message;
    for (const consumer of this.consumers.matching(subject)) {
      if (consumer.newestAppended === 0) this.expectant.push(consumer);
      consumer.appended(sequence);
    }
  }

  /** A consumer has no more need of a message. */
  private release(consumer: Consumer, sequence: number): void {
    const { retention } = this.currentConfig;
    if (retention === "limits" || this.closed) return;
    const neededByOthers = () => {
      if (this.consumers.size < 2) return false;
      const subject = this.store.messages.read(sequence)?.subject;
      if (subject === undefined) return false;
      return this.consumers
        .matching(subject)
        .some((other) => other !== consumer && other.needs(sequence, subject));
    };
    if (leavesOnAck(retention, neededByOthers)) this.store.messages.remove(sequence);
  }

  private callWaiting(sequence: number): void {
    const ready = this.waitingForDurable.filter((waiting) => waiting.sequence <= sequence);
    this.waitingForDurable = this.waitingForDurable.filter((waiting) => waiting.sequence > sequence);
    for (const { callback } of ready) callback();
  }

  /** The next message whose bytes are whole. */
  private tryNext(fromSequence: number): StoredMessage | undefined {
    const { messages } = this.store;
    for (let sequence = fromSequence; sequence <= messages.state().lastSequence; sequence++) {
      try {
        return messages.next(sequence);
      } catch {
        // The store has reported it; whatever it was, nobody can need it.
      }
    }
    return undefined;
  }

  /** Listens to exactly these subjects. */
  private subscribe(subjects: readonly string[]): void {
    for (const [subject, unsubscribe] of this.unsubscribes) {
      if (subjects.includes(subject)) continue;
      unsubscribe();
      this.unsubscribes.delete(subject);
    }
    for (const subject of subjects) {
      if (this.unsubscribes.has(subject)) continue;
      this.unsubscribes.set(
        subject,
        this.host.bus.subscribe(subject, (message) => this.ingest.take(message)),
      );
    }
  }
}

/** The limits the store keeps by itself. A stream that discards new messages is full instead of losing old ones. */
export function storeLimits(config: StreamConfig): StoreLimits {
  const discardsOld = config.discard === "old";
  return {
    maxMessages: discardsOld ? config.max_msgs : 0,
    maxBytes: discardsOld ? config.max_bytes : 0,
    // Some messages of a stream that allows TTLs outlive the others: the stream sees to that.
    maxAgeUs: config.allow_msg_ttl ? 0 : config.max_age / 1000,
    maxMessagesPerSubject: config.discard_new_per_subject === true ? 0 : config.max_msgs_per_subject,
  };
}
