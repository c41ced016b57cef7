import { block, byKind, field, type Given, type OptionsOf, type Reader, refine, shaped } from "../reader.js";
import {
  count,
  duration,
  durationOrSeconds,
  flag,
  integer,
  limit,
  secret,
  text,
  wordOf,
} from "../scalars.js";
import { ENABLED } from "./accounts.js";

const SIZE_UNITS = "KMGT";

/** A size in quotes: "10G". Source: nats-server opts.go `getStorageSize`. */
function quotedSize(given: Given): number | undefined {
  const written = given.value.kind === "string" ? given.value.value : "";
  if (written === "") return 0;
  const [, digits, unit = ""] = /^(-?\d+)([KMGT])$/.exec(written) ?? [];
  const bytes = Number(digits) * 1024 ** (SIZE_UNITS.indexOf(unit) + 1);
  if (Number.isSafeInteger(bytes)) return bytes;
  return given.fault(`${given.name} must be a number of bytes such as 10GB or "10G", not "${written}"`);
}

/** Bytes; -1: no limit but the machine's. */
const storageSize: Reader<number> = byKind<number>(
  { integer: limit, string: quotedSize },
  "a number of bytes",
);

const batchFields = {
  maxInflightPerStream: field("max_inflight_per_stream", limit),
  maxInflightTotal: field("max_inflight_total", limit),
  maxMessages: field("max_msgs", limit),
  timeoutMs: field("timeout", duration()),
};

const limitFields = {
  maxAckPending: field("max_ack_pending", limit),
  maxHaAssets: field("max_ha_assets", limit),
  maxRequestBatch: field("max_request_batch", limit),
  duplicateWindowMs: field("duplicate_window", duration()),
  batch: field("batch", block(batchFields)),
};

const cipher = wordOf({ chacha: "chacha", chachapoly: "chacha", aes: "aes" } as const);

const tpmFields = {
  keysFile: field("keys_file", text),
  encryptionPassword: field("encryption_password", secret),
  srkPassword: field("srk_password", secret),
  pcr: field("pcr", integer()),
  cipher: field("cipher", cipher),
};

/** Milliseconds between two syncs of the store, or a sync before every acknowledgement, or no sync while it runs. */
export type SyncInterval = "always" | "none" | number;

const SYNC_WORDS = ["always", "none"] as const;

const syncInterval: Reader<SyncInterval> = shaped<SyncInterval>(
  (given) => {
    const { value } = given;
    const word = value.kind === "string" ? value.value.toLowerCase() : "";
    return SYNC_WORDS.find((known) => known === word) ?? durationOrSeconds(given);
  },
  { text: "always, none or a duration" },
);

/** Source: nats-server const.go `minConcurrentIOs`, `maxConcurrentIOs`. */
const concurrentIo = integer(4, 8192);

const fields = {
  enabled: field("enabled enable", flag),
  storeDir: field("store_dir storedir store", text),
  maxMemoryBytes: field("max_memory_store max_mem_store max_mem", storageSize),
  maxStoreBytes: field("max_file_store max_file", storageSize),
  domain: field("domain", text),
  syncInterval: field(
    "sync_interval sync",
    syncInterval,
    '"always" (default), milliseconds, or "none", which nats-server does not know.',
  ),
  strict: field("strict", flag, "Refuse unknown fields of requests."),
  encryptionKey: field("key ek encryption_key", secret),
  previousEncryptionKey: field("prev_key prev_ek prev_encryption_key", secret),
  cipher: field("cipher", cipher),
  extensionHint: field("extension_hint", text),
  limits: field("limits", block(limitFields)),
  tpm: field("tpm", block(tpmFields)),
  uniqueTag: field(
    "unique_tag",
    refine(text, (tag) => tag.trim().toLowerCase()),
  ),
  maxOutstandingCatchupBytes: field("max_outstanding_catchup", storageSize),
  maxBufferedBytes: field("max_buffered_size", storageSize),
  maxBufferedMessages: field("max_buffered_msgs", limit),
  requestQueueLimit: field("request_queue_limit", limit),
  infoQueueLimit: field("info_queue_limit", limit),
  metaCompact: field("meta_compact", count),
  metaCompactBytes: field(
    "meta_compact_size",
    refine(storageSize, (bytes, given) =>
      bytes >= 0 ? bytes : given.fault(`${given.name} must not be negative`),
    ),
  ),
  metaCompactSync: field("meta_compact_sync", flag),
  maxConcurrentIo: field("max_concurrent_io", concurrentIo),
};

/** The `jetstream` block. `enabled` is always there. */
export type JetStreamConfig = OptionsOf<typeof fields> & { readonly enabled: boolean };

/** Source: nats-server opts.go `parseJetStream`. */
export const jetstream: Reader<JetStreamConfig> = byKind<JetStreamConfig>(
  {
    boolean: refine(flag, (enabled) => Object.freeze({ enabled })),
    string: refine(wordOf(ENABLED), (enabled) => Object.freeze({ enabled })),
    map: refine(block(fields), (options) => Object.freeze({ enabled: true, ...options })),
  },
  'a boolean, "enabled", "disabled" or a map',
);
