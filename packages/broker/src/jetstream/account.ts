import { isDeepStrictEqual } from "node:util";
import type { Clock, Logger } from "@ganglion/kernel";
import {
  type AccountLimits,
  type ConsumerConfig,
  filtersOverlap,
  type StorageType,
  type StreamConfig,
} from "@ganglion/protocol";
import type { Storage, StreamStore } from "@ganglion/store";
import type { AccountBus } from "./account-bus.js";
import { type ServerLimits, StorageLimits } from "./account-limits.js";
import { Advisories } from "./advisories.js";
import { apiFault } from "./api/api-fault.js";
import type { Consumer } from "./consumer/consumer.js";
import { ConsumerRegistry } from "./consumer-registry.js";
import { ListenerRelay } from "./listener-relay.js";
import type { ReadyQueue } from "./ready-queue.js";
import { type AccountRestore, restoreInto } from "./snapshot/account-restore.js";
import { readStreamMetadata, streamMetadata } from "./stored-metadata.js";
import type { InFlight } from "./stream/in-flight.js";
import { Stream, type StreamHost, storeLimits } from "./stream/stream.js";
import { checkStreamConfig, checkStreamUpdate } from "./stream/stream-config-check.js";
import { TaskQueue } from "./task-queue.js";

/** What an account's JetStream is made with. */
export interface JetStreamAccountOptions {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ready: ReadyQueue;
  readonly domain: string | undefined;
  readonly limits: AccountLimits;
  /** Name of the tier the limits are of; undefined without tiers. */
  readonly tier: string | undefined;
  readonly serverLimits: ServerLimits;
  readonly serverName: string;
  /** Passes over fields of requests that are not known. */
  readonly isLenient: boolean;
  readonly maxPayloadBytes: number;
  readonly inFlight: InFlight;
  readonly storages: Readonly<Record<StorageType, Storage | undefined>>;
  /** The streams of all accounts, for the limits of the server. */
  allStreams(): Iterable<Stream>;
}

/** The streams and consumers of one account, and everything that can be done to them. */
export class JetStreamAccount {
  readonly bus: AccountBus;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly domain: string | undefined;
  readonly serverLimits: ServerLimits;
  readonly serverName: string;
  /** Passes over fields of requests that are not known. */
  readonly isLenient: boolean;
  readonly tier: string | undefined;
  readonly advisories: Advisories;
  /** Changes of streams and consumers go one after the other. */
  readonly tasks: TaskQueue;
  readonly consumers: ConsumerRegistry;
  readonly storageLimits: StorageLimits;
  /** Requests to its API since the start. */
  readonly apiUse = { total: 0, errors: 0 };
  private readonly byName = new Map<string, Stream>();
  private readonly restores = new Set<AccountRestore>();
  private readonly streamHost: StreamHost;

  constructor(private readonly options: JetStreamAccountOptions) {
    const { bus, clock, logger, domain, limits, ready, maxPayloadBytes } = options;
    this.bus = bus;
    this.clock = clock;
    this.logger = logger;
    this.domain = domain;
    this.serverLimits = options.serverLimits;
    this.serverName = options.serverName;
    this.isLenient = options.isLenient;
    this.tier = options.tier;
    this.advisories = new Advisories(bus, clock, domain);
    this.tasks = new TaskQueue((error) => logger.error("a JetStream task failed", { error }));
    this.storageLimits = new StorageLimits(limits, options.serverLimits, {
      ofAccount: () => this.byName.values(),
      ofServer: options.allStreams,
    });
    this.consumers = new ConsumerRegistry(this);
    this.streamHost = {
      bus,
      clock,
      logger,
      advisories: this.advisories,
      ready,
      domain,
      maxPayloadBytes,
      inFlight: options.inFlight,
      resourceRefusal: (config, sizeBytes) => this.storageLimits.refusal(config.storage, sizeBytes),
      consumerExpired: (stream, consumer) => this.consumers.expire(stream, consumer),
    };
  }

  /** What the account may take. */
  get limits(): AccountLimits {
    return this.storageLimits.account;
  }

  /** Every stream. */
  get streams(): Iterable<Stream> {
    return this.byName.values();
  }

  get streamCount(): number {
    return this.byName.size;
  }

  findStream(name: string): Stream | undefined {
    return this.byName.get(name);
  }

  /** The stream that answers direct gets for a stream called `name`: itself, or a mirror that may stand in for it. */
  directStream(name: string): Stream | undefined {
    const stream = this.byName.get(name);
    if (stream !== undefined) return stream.config.allow_direct ? stream : undefined;
    const isStandIn = ({ config }: Stream) => config.mirror_direct && config.mirror?.name === name;
    return [...this.byName.values()].find(isStandIn);
  }

  /** @throws ApiFault `StreamNotFound`. */
  stream(name: string): Stream {
    const stream = this.byName.get(name);
    if (stream === undefined) throw apiFault("StreamNotFound");
    return stream;
  }

  /** Opens the streams and consumers that are stored, and starts to take in messages. */
  async recover(): Promise<void> {
    const { accountName } = this.bus;
    for (const storage of Object.values(this.options.storages)) {
      for (const stored of storage?.streams() ?? []) {
        if (stored.account !== accountName || storage === undefined) continue;
        const metadata = readStreamMetadata(stored.metadata);
        if (metadata === undefined) {
          this.logger.error("the metadata of a stream cannot be read; it is left as it is", {
            stream: stored.name,
          });
          continue;
        }
        if (metadata.restoring === true) {
          this.logger.warn("a restore was interrupted; what it left is removed", { stream: stored.name });
          await storage.deleteStream(accountName, stored.name);
          continue;
        }
        const relay = new ListenerRelay();
        const limits = storeLimits(metadata.config);
        const store = await storage.openStream(accountName, stored.name, {
          limits,
          listener: relay,
          compression: metadata.config.compression === "s2",
        });
        const stream = this.register(store, relay, metadata);
        this.consumers.recover(stream);
        stream.removeUnneeded();
        stream.start();
      }
    }
  }

  /** Starts to copy streams, when the API answers. */
  startCopies(): void {
    for (const stream of this.byName.values()) stream.startCopies();
  }

  /**
   * Creates a stream, or finds the one that exists with the same configuration.
   *
   * @throws ApiFault.
   */
  async createStream(given: StreamConfig, pedantic = false): Promise<Stream> {
    const others = [...this.byName.values()].filter((stream) => stream.name !== given.name).length;
    if (this.limits.max_streams > 0 && others >= this.limits.max_streams)
      throw apiFault("MaximumStreamsLimit");
    const config = this.checkConfig(given, pedantic);
    if (config.num_replicas > 1) throw apiFault("StreamReplicasNotSupported");
    const existing = this.byName.get(config.name);
    if (existing !== undefined) {
      if (isDeepStrictEqual(existing.config, config)) return existing;
      throw apiFault("StreamNameExist");
    }
    this.storageLimits.checkStream(config);
    this.checkSubjectsFree(config);
    const createdUs = this.clock.nowUs();
    const relay = new ListenerRelay();
    const store = await this.createStore(config, createdUs, relay);
    const stream = this.register(store, relay, { config, createdUs });
    this.begin(stream);
    return stream;
  }

  /** Checks that a stream may be restored. @throws ApiFault. */
  checkRestore(config: StreamConfig): void {
    if (this.limits.max_streams > 0 && this.byName.size >= this.limits.max_streams)
      throw apiFault("MaximumStreamsLimit");
    if (this.byName.has(config.name)) throw apiFault("StreamNameExistRestoreFailed");
    if (config.num_replicas > 1) throw apiFault("StreamReplicasNotSupported");
    this.storageLimits.checkStream(config);
    this.checkSubjectsFree(config);
  }

  /** Begins to read a stream from a backup. @param config - checked by {@link checkRestore}. */
  restoreStream(config: StreamConfig): AccountRestore {
    const target = {
      accountName: this.bus.accountName,
      nowUs: () => this.clock.nowUs(),
      storageFor: (type: StorageType) => this.storageFor(type),
      open: (
        store: StreamStore,
        relay: ListenerRelay,
        options: { config: StreamConfig; createdUs: number },
      ) => this.tasks.run(() => this.openRestored(store, relay, options)),
    };
    const restore = restoreInto(target, config, () => this.restores.delete(restore));
    this.restores.add(restore);
    return restore;
  }

  /** Changes a stream. @param config - checked by {@link checkConfig}. @throws ApiFault. */
  async updateStream(config: StreamConfig): Promise<Stream> {
    const stream = this.stream(config.name);
    if (config.num_replicas > 1) throw apiFault("StreamReplicasNotSupported");
    const changed = checkStreamUpdate(stream.config, config);
    this.storageLimits.checkStream(changed, stream);
    this.checkConsumerLimits(stream, changed);
    this.checkSubjectsFree(changed, stream);
    await stream.store.updateMetadata(streamMetadata({ config: changed, createdUs: stream.createdUs }));
    stream.updateConfig(changed);
    this.adviseStream(stream.name, "modify");
    return stream;
  }

  /** Checks a stream configuration by itself, and fills in defaults. @throws ApiFault. */
  checkConfig(given: StreamConfig, pedantic = false): StreamConfig {
    return checkStreamConfig(given, {
      pedantic,
      findStream: (name) => this.byName.get(name)?.config,
      maxBytesRequired: this.limits.max_bytes_required,
      maxDuplicateWindowNs: this.serverLimits.maxDuplicateWindowNs,
      maxStreamBytes: this.storageLimits.maxStreamBytes(given.storage),
    });
  }

  /** Deletes a stream with its consumers and data. */
  async deleteStream(stream: Stream): Promise<void> {
    this.byName.delete(stream.name);
    this.consumers.forget(stream);
    stream.close();
    await this.storageFor(stream.config.storage).deleteStream(this.bus.accountName, stream.name);
    this.adviseStream(stream.name, "delete");
  }

  /** Streams whose subjects overlap with `filter`, or all, by name. */
  streamsMatching(filter: string | undefined): Stream[] {
    const overlaps = (stream: Stream) =>
      filter === undefined ||
      (stream.config.subjects ?? []).some((subject) => filtersOverlap(filter, subject));
    return [...this.byName.values()].filter(overlaps).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Stops taking in and delivering messages. The storage is closed by whoever opened it. */
  async close(): Promise<void> {
    await Promise.all([...this.restores].map((restore) => restore.abort()));
    await this.tasks.close();
    for (const stream of this.byName.values()) stream.close();
  }

  private openRestored(
    store: StreamStore,
    relay: ListenerRelay,
    options: { config: StreamConfig; createdUs: number },
  ): Stream {
    const stream = this.register(store, relay, options);
    this.consumers.recover(stream);
    store.messages.setLimits(storeLimits(options.config));
    this.begin(stream);
    return stream;
  }

  private begin(stream: Stream): void {
    stream.start();
    stream.startCopies();
    for (const other of this.byName.values()) other.copies.originCreated(stream.name);
    this.adviseStream(stream.name, "create");
  }

  private register(
    store: StreamStore,
    relay: ListenerRelay,
    options: { config: StreamConfig; createdUs: number },
  ): Stream {
    const stream = new Stream({ ...options, store }, this.streamHost);
    relay.target = stream;
    this.byName.set(stream.name, stream);
    return stream;
  }

  private async createStore(
    config: StreamConfig,
    createdUs: number,
    relay: ListenerRelay,
  ): Promise<StreamStore> {
    try {
      return await this.storageFor(config.storage).createStream(this.bus.accountName, config.name, {
        compression: config.compression === "s2",
        limits: storeLimits(config),
        listener: relay,
        initialSequence: config.first_seq ?? 1,
        metadata: streamMetadata({ config, createdUs }),
      });
    } catch (error) {
      this.logger.error("a stream could not be created", { stream: config.name, error });
      throw apiFault("StreamCreate", { err: "error creating store for stream" });
    }
  }

  private storageFor(type: StorageType): Storage {
    const storage = this.options.storages[type];
    if (storage === undefined) {
      throw apiFault(type === "file" ? "StorageResourcesExceeded" : "MemoryResourcesExceeded");
    }
    return storage;
  }

  private checkSubjectsFree(config: StreamConfig, self?: Stream): void {
    for (const stream of this.byName.values()) {
      if (stream === self) continue;
      const taken = stream.config.subjects ?? [];
      if ((config.subjects ?? []).some((subject) => taken.some((other) => filtersOverlap(subject, other)))) {
        throw apiFault("StreamSubjectOverlap");
      }
    }
  }

  /** Consumers may not exceed limits that a changed stream sets for them. */
  private checkConsumerLimits(stream: Stream, config: StreamConfig): void {
    if (isDeepStrictEqual(stream.config.consumer_limits, config.consumer_limits)) return;
    const { inactive_threshold: threshold = 0, max_ack_pending: maxAckPending = 0 } = config.consumer_limits;
    const exceeds = (consumer: ConsumerConfig) =>
      (consumer.inactive_threshold ?? 0) > threshold || (consumer.max_ack_pending ?? 0) > maxAckPending;
    const violators = stream.consumers.consumers.filter((consumer: Consumer) => exceeds(consumer.config));
    if (violators.length === 0) return;
    const names = violators.map((consumer) => consumer.name).join(", ");
    throw apiFault("StreamUpdate", { err: `change to limits violates consumers: ${names}` });
  }

  private adviseStream(stream: string, action: "create" | "modify" | "delete"): void {
    const verb = { create: "CREATED", modify: "UPDATED", delete: "DELETED" }[action];
    this.advisories.advise(`STREAM.${verb}.${stream}`, "stream_action", { stream, action });
  }
}
