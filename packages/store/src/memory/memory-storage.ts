import { type Clock, systemClock } from "@ganglion/kernel";
import type { ConsumerStore } from "../consumer-store.js";
import { storeError } from "../errors.js";
import type { MessageStore } from "../message-store.js";
import type {
  NewStreamOptions,
  RecoveryProblem,
  Storage,
  StoredConsumer,
  StoredMetadata,
  StoredStream,
  StreamStore,
} from "../storage.js";
import { MemoryConsumerStore } from "./memory-consumer-store.js";
import { MemoryMessageStore } from "./memory-message-store.js";

/** What {@link openMemoryStorage} takes. */
export interface MemoryStorageOptions {
  /** @default the clock of this process */
  readonly clock?: Clock;
}

/** Opens a storage that lives in this process and dies with it. */
export function openMemoryStorage(options: MemoryStorageOptions = {}): Storage {
  return new MemoryStorage(options.clock ?? systemClock);
}

class MemoryStorage implements Storage {
  readonly kind = "memory";
  private readonly open = new Map<string, MemoryStreamStore>();
  private closed = false;

  constructor(private readonly clock: Clock) {}

  streams(): readonly StoredStream[] {
    return [];
  }

  problems(): readonly RecoveryProblem[] {
    return [];
  }

  async createStream(account: string, name: string, options: NewStreamOptions): Promise<StreamStore> {
    if (this.closed)
      throw storeError("STORE_CLOSED", `Cannot create stream "${name}": the storage is closed`);
    const key = streamKey(account, name);
    if (this.open.has(key)) {
      throw storeError("STREAM_EXISTS", `Stream "${name}" of account "${account}" exists already`, {
        details: { account, stream: name },
      });
    }
    const messages = new MemoryMessageStore(options, this.clock);
    const stream = new MemoryStreamStore(messages, options.metadata, () => this.open.delete(key));
    this.open.set(key, stream);
    return stream;
  }

  async openStream(account: string, name: string): Promise<StreamStore> {
    throw storeError(
      "STREAM_NOT_FOUND",
      `Memory storage keeps no stream to open: "${name}" of account "${account}"`,
      {
        details: { account, stream: name },
      },
    );
  }

  async deleteStream(account: string, name: string): Promise<void> {
    await this.open.get(streamKey(account, name))?.close();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const stream of [...this.open.values()]) await stream.close();
  }
}

function streamKey(account: string, name: string): string {
  return JSON.stringify([account, name]);
}

class MemoryStreamStore implements StreamStore {
  private readonly stored = new Map<string, { metadata: StoredMetadata; store: MemoryConsumerStore }>();

  constructor(
    private readonly log: MemoryMessageStore,
    private currentMetadata: StoredMetadata,
    private readonly onClose: () => void,
  ) {}

  get messages(): MessageStore {
    return this.log;
  }

  get metadata(): StoredMetadata {
    return this.currentMetadata;
  }

  async updateMetadata(metadata: StoredMetadata): Promise<void> {
    this.currentMetadata = metadata;
  }

  consumers(): readonly StoredConsumer[] {
    return [...this.stored].map(([name, { metadata }]) => ({ name, metadata }));
  }

  async createConsumer(name: string, metadata: StoredMetadata): Promise<ConsumerStore> {
    const store = this.stored.get(name)?.store ?? new MemoryConsumerStore();
    this.stored.set(name, { metadata, store });
    return store;
  }

  openConsumer(name: string): ConsumerStore {
    return this.consumer(name).store;
  }

  async updateConsumerMetadata(name: string, metadata: StoredMetadata): Promise<void> {
    this.consumer(name).metadata = metadata;
  }

  async deleteConsumer(name: string): Promise<void> {
    this.stored.delete(name);
  }

  async close(): Promise<void> {
    this.log.close();
    this.onClose();
  }

  private consumer(name: string): { metadata: StoredMetadata; store: MemoryConsumerStore } {
    const consumer = this.stored.get(name);
    if (consumer === undefined) {
      throw storeError("CONSUMER_NOT_FOUND", `No consumer "${name}" is stored`, {
        details: { consumer: name },
      });
    }
    return consumer;
  }
}
