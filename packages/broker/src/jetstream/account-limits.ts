import {
  type AccountLimits,
  type ApiError,
  apiError,
  type StorageType,
  type StreamConfig,
} from "@ganglion/protocol";
import { apiFault } from "./api/api-fault.js";
import type { Stream } from "./stream/stream.js";

/** Limits of an account that has none. */
export const NO_ACCOUNT_LIMITS: AccountLimits = {
  max_memory: -1,
  max_storage: -1,
  max_streams: -1,
  max_consumers: -1,
  max_ack_pending: -1,
  memory_max_stream_bytes: -1,
  storage_max_stream_bytes: -1,
  max_bytes_required: false,
};

/** What the whole server may hold, in bytes, and what its streams and consumers may ask for. Undefined: no limit. */
export interface ServerLimits {
  readonly maxMemoryBytes?: number | undefined;
  readonly maxFileBytes?: number | undefined;
  /** Largest `max_ack_pending` of a consumer that does not say one. */
  readonly maxAckPending?: number | undefined;
  /** Largest `max_batch` of a pull consumer. */
  readonly maxRequestBatch?: number | undefined;
  /** Longest dedupe window, in nanoseconds. */
  readonly maxDuplicateWindowNs?: number | undefined;
}

/** What streams hold and have reserved by `max_bytes`, in bytes. */
export interface StorageUse {
  readonly usedBytes: number;
  readonly reservedBytes: number;
}

/** Adds up what streams use of one storage. `except` is left out. */
export function storageUse(streams: Iterable<Stream>, storage: StorageType, except?: Stream): StorageUse {
  let usedBytes = 0;
  let reservedBytes = 0;
  for (const stream of streams) {
    if (stream.config.storage !== storage || stream === except) continue;
    usedBytes += stream.store.messages.state().bytes;
    if (stream.config.max_bytes > 0) reservedBytes += stream.config.max_bytes;
  }
  return { usedBytes, reservedBytes };
}

/** The streams that count for limits. */
export interface LimitedStreams {
  ofAccount(): Iterable<Stream>;
  ofServer(): Iterable<Stream>;
}

/** Checks what streams of one account may take, of the account's limits and the server's. */
export class StorageLimits {
  /** @param account - may change at any time. */
  constructor(
    readonly account: AccountLimits,
    private readonly server: ServerLimits,
    private readonly streams: LimitedStreams,
  ) {}

  /** Largest `max_bytes` of a stream; -1: any. */
  maxStreamBytes(storage: StorageType): number {
    return storage === "file" ? this.account.storage_max_stream_bytes : this.account.memory_max_stream_bytes;
  }

  /**
   * Checks that a stream may be created, or with `replaced` changed.
   *
   * @throws ApiFault. Source: nats-server jetstream.go `checkBytesLimits`.
   */
  checkStream(config: StreamConfig, replaced?: Stream): void {
    const { storage, max_bytes: maxBytes } = config;
    if (config.max_consumers > 0 && this.account.max_consumers > 0) {
      if (config.max_consumers > this.account.max_consumers) throw apiFault("MaximumConsumersLimit");
    }
    if (!this.isLimited(storage)) return;
    const wantedBytes = maxBytes < 0 ? 1 : maxBytes;
    const reserved = (streams: Iterable<Stream>) => storageUse(streams, storage, replaced).reservedBytes;
    const exceeds = (limit: number, streams: Iterable<Stream>) =>
      limit >= 0 && reserved(streams) + wantedBytes > limit;
    if (
      exceeds(this.accountLimit(storage), this.streams.ofAccount()) ||
      exceeds(this.serverLimit(storage), this.streams.ofServer())
    ) {
      throw apiFault(storage === "file" ? "StorageResourcesExceeded" : "MemoryResourcesExceeded");
    }
  }

  /** Why a message of `sizeBytes` has no place. Source: nats-server jetstream.go `wouldExceedLimits`. */
  refusal(storage: StorageType, sizeBytes: number): ApiError | undefined {
    if (!this.isLimited(storage)) return undefined;
    const serverLimit = this.serverLimit(storage);
    if (serverLimit >= 0 && storageUse(this.streams.ofServer(), storage).usedBytes > serverLimit) {
      return apiError("InsufficientResources");
    }
    const accountLimit = this.accountLimit(storage);
    if (
      accountLimit >= 0 &&
      storageUse(this.streams.ofAccount(), storage).usedBytes + sizeBytes > accountLimit
    ) {
      return apiError("AccountResourcesExceeded");
    }
    return undefined;
  }

  private isLimited(storage: StorageType): boolean {
    return this.accountLimit(storage) >= 0 || this.serverLimit(storage) >= 0;
  }

  private accountLimit(storage: StorageType): number {
    return storage === "file" ? this.account.max_storage : this.account.max_memory;
  }

  private serverLimit(storage: StorageType): number {
    return (storage === "file" ? this.server.maxFileBytes : this.server.maxMemoryBytes) ?? -1;
  }
}
