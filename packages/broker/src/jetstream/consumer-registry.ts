import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  ackConsumerKey,
  type ConsumerAction,
  type ConsumerConfig,
  filtersOverlap,
  STREAM_DEFAULTS,
} from "@ganglion/protocol";
import type { ConsumerStore } from "@ganglion/store";
import type { JetStreamAccount } from "./account.js";
import { apiFault } from "./api/api-fault.js";
import type { Consumer } from "./consumer/consumer.js";
import {
  checkConsumerConfig,
  checkConsumerUpdate,
  withConsumerDefaults,
} from "./consumer/consumer-config-check.js";
import { filtersOf } from "./consumer/deliver-policy.js";
import { checkPedanticConsumer } from "./consumer/pedantic-check.js";
import { SOURCE_MEMORY_PREFIX } from "./origin/sources.js";
import { type ConsumerMetadata, consumerMetadata, readConsumerMetadata } from "./stored-metadata.js";
import type { Stream } from "./stream/stream.js";
import { isValidName } from "./stream/stream-config-check.js";

/** The consumers of an account: creates, changes and deletes them, and finds them by their ack subjects. */
export class ConsumerRegistry {
  private readonly byKey = new Map<string, Consumer>();

  constructor(private readonly account: JetStreamAccount) {}

  get size(): number {
    let count = 0;
    for (const { config } of this.byKey.values()) if (config.direct !== true) count++;
    return count;
  }

  /** By {@link ackConsumerKey}. */
  find(key: string): Consumer | undefined {
    return this.byKey.get(key);
  }

  /** Opens the consumers that are stored with a stream. */
  recover(stream: Stream): void {
    for (const { name, metadata: stored } of stream.store.consumers()) {
      if (name.startsWith(SOURCE_MEMORY_PREFIX)) continue;
      const metadata = readConsumerMetadata(stored);
      if (metadata === undefined) {
        this.account.logger.error("the metadata of a consumer cannot be read; it is left as it is", {
          stream: stream.name,
          consumer: name,
        });
        continue;
      }
      const store = stream.store.openConsumer(name);
      this.register(stream, stream.addConsumer({ name, ...metadata, store }));
    }
  }

  /**
   * Creates a consumer, or changes the one of that name.
   *
   * @throws ApiFault. Source: nats-server consumer.go `addConsumerWithAssignment`.
   */
  async create(
    stream: Stream,
    given: ConsumerConfig,
    { action, pedantic = false }: { readonly action: ConsumerAction; readonly pedantic?: boolean },
  ): Promise<Consumer> {
    if (pedantic) checkPedanticConsumer(given, stream.config);
    const found = stream.consumers.get(given.durable_name ?? given.name ?? "");
    // A consumer that exists is paused and resumed by a request of its own only.
    const kept = found === undefined ? given : withPauseOf(given, found.config);
    const { limits, serverLimits } = this.account;
    const rules = {
      maxAckPending: limits.max_ack_pending,
      defaultMaxAckPending: serverLimits.maxAckPending,
      maxRequestBatch: serverLimits.maxRequestBatch,
    };
    const config = withConsumerDefaults(kept, stream.config, rules);
    checkConsumerConfig(config, stream.config, rules);
    const name = config.durable_name ?? config.name;
    if (found !== undefined) {
      if (isDeepStrictEqual(config, found.config)) return found;
      if (action === "create") throw apiFault("ConsumerAlreadyExists");
      return this.update(stream, found, config);
    }
    if (action === "update") throw apiFault("ConsumerDoesNotExist");
    if (config.direct !== true) this.checkRoom(stream);
    if (stream.config.retention === "workqueue") checkWorkQueue(stream, config, name);
    if (
      config.durable_name !== undefined &&
      Buffer.byteLength(config.durable_name) > STREAM_DEFAULTS.maxNameSizeBytes
    ) {
      throw apiFault("ConsumerNameTooLong", { max: STREAM_DEFAULTS.maxNameSizeBytes });
    }
    if (name !== undefined && !isValidName(name)) throw apiFault("ConsumerBadDurableName");
    return this.createNew(stream, config, name ?? newConsumerName(stream));
  }

  /** Pauses a consumer until `until` (RFC 3339), or resumes it. */
  async pause(stream: Stream, consumer: Consumer, until: string | undefined): Promise<void> {
    const pause = until === undefined ? {} : { pause_until: until };
    await this.store(stream, consumer, { ...withoutPause(consumer.config), ...pause });
  }

  /** Deletes a consumer with its memory. */
  async delete(stream: Stream, consumer: Consumer): Promise<void> {
    if (consumer.isClosed) return;
    this.byKey.delete(ackConsumerKey(stream.name, consumer.name));
    stream.removeConsumer(consumer);
    if (consumer.store !== undefined) await stream.store.deleteConsumer(consumer.name);
    this.advise(stream, consumer, "delete");
  }

  /** Deletes a consumer that was not used for its inactive threshold. */
  expire(stream: Stream, consumer: Consumer): void {
    this.account.tasks.add(() => this.delete(stream, consumer));
  }

  /** Forgets the consumers of a stream that is deleted. */
  forget(stream: Stream): void {
    for (const { name } of stream.consumers.consumers) this.byKey.delete(ackConsumerKey(stream.name, name));
  }

  private async update(stream: Stream, consumer: Consumer, config: ConsumerConfig): Promise<Consumer> {
    const { name } = consumer;
    if (stream.config.retention === "workqueue" && !isUniquePartition(stream, name, filtersOf(config))) {
      throw apiFault("ConsumerWQConsumerNotUnique");
    }
    checkConsumerUpdate(consumer.config, config, consumer.isPushBound === true);
    await this.store(stream, consumer, config);
    return consumer;
  }

  /** Gives a consumer its new configuration once that is durable. */
  private async store(stream: Stream, consumer: Consumer, config: ConsumerConfig): Promise<void> {
    const { name, createdUs, store } = consumer;
    if (store !== undefined) {
      await stream.store.updateConsumerMetadata(name, consumerMetadata({ config, createdUs }));
    }
    stream.updateConsumer(consumer, config);
  }

  private checkRoom(stream: Stream): void {
    const limits = [stream.config.max_consumers, this.account.limits.max_consumers].filter(
      (limit) => limit > 0,
    );
    if (limits.length > 0 && stream.publicConsumers.length >= Math.min(...limits))
      throw apiFault("MaximumConsumersLimit");
  }

  private async createNew(stream: Stream, config: ConsumerConfig, name: string): Promise<Consumer> {
    const named = config.durable_name === undefined ? { ...config, name } : config;
    const metadata = { config: named, createdUs: this.account.clock.nowUs() };
    const store = await this.createStore(stream, name, metadata);
    const consumer = stream.addConsumer({ name, ...metadata, store });
    // From now on it is known where the consumer starts, also after a restart.
    store?.append({ kind: "floor", ackFloor: consumer.acks.ackFloor, delivered: consumer.acks.delivered });
    this.register(stream, consumer);
    this.advise(stream, consumer, "create");
    if (consumer.pause.isActive) consumer.advisePause();
    return consumer;
  }

  private async createStore(
    stream: Stream,
    name: string,
    metadata: ConsumerMetadata,
  ): Promise<ConsumerStore | undefined> {
    if (
      metadata.config.mem_storage === true ||
      metadata.config.direct === true ||
      stream.config.storage === "memory"
    )
      return undefined;
    try {
      return await stream.store.createConsumer(name, consumerMetadata(metadata));
    } catch (error) {
      const { logger } = this.account;
      logger.error("a consumer could not be created", { stream: stream.name, consumer: name, error });
      throw apiFault("ConsumerCreate", { err: "error creating store for consumer" });
    }
  }

  private register(stream: Stream, consumer: Consumer): void {
    this.byKey.set(ackConsumerKey(stream.name, consumer.name), consumer);
  }

  private advise(stream: Stream, consumer: Consumer, action: "create" | "delete"): void {
    if (consumer.config.direct === true) return;
    const verb = action === "create" ? "CREATED" : "DELETED";
    this.account.advisories.advise(`CONSUMER.${verb}.${stream.name}.${consumer.name}`, "consumer_action", {
      stream: stream.name,
      consumer: consumer.name,
      action,
    });
  }
}

function withoutPause({ pause_until: _, ...config }: ConsumerConfig): ConsumerConfig {
  return config;
}

function withPauseOf(given: ConsumerConfig, { pause_until: until }: ConsumerConfig): ConsumerConfig {
  return until === undefined ? withoutPause(given) : { ...given, pause_until: until };
}

/** A work queue gives each message to one consumer: their filters may not overlap. */
function checkWorkQueue(stream: Stream, config: ConsumerConfig, name: string | undefined): void {
  if (config.direct === true) return;
  if (config.ack_policy !== "explicit" && config.ack_policy !== "flow_control")
    throw apiFault("ConsumerWQRequiresExplicitAck");
  const filters = filtersOf(config);
  if (stream.consumers.size > 0) {
    if (filters.length === 0) throw apiFault("ConsumerWQMultipleUnfiltered");
    if (!isUniquePartition(stream, name, filters)) throw apiFault("ConsumerWQConsumerNotUnique");
  }
  if (config.deliver_policy !== "all") throw apiFault("ConsumerWQConsumerNotDeliverAll");
}

/** Whether no consumer beside `name` takes subjects of `filters`. Source: nats-server stream.go `partitionUnique`. */
function isUniquePartition(stream: Stream, name: string | undefined, filters: readonly string[]): boolean {
  return stream.consumers.consumers.every((other) => {
    if (other.name === name || other.config.direct === true) return true;
    const taken = filtersOf(other.config);
    return !filters.some((filter) => taken.length === 0 || taken.some((own) => filtersOverlap(filter, own)));
  });
}

/** A name for an ephemeral consumer that no other of the stream has. */
function newConsumerName(stream: Stream): string {
  for (;;) {
    const name = randomBytes(6).toString("base64url").replace(/[-_]/g, "x");
    if (stream.consumers.get(name) === undefined) return name;
  }
}
