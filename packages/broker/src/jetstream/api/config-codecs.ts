import {
  type ConsumerConfig,
  type CreateConsumerRequest,
  type ExternalStreamConfig,
  type PersistMode,
  type PlacementConfig,
  parseTimestamp,
  type RepublishConfig,
  type SourceConsumerConfig,
  type StreamConfig,
  type StreamConsumerLimits,
  type StreamSourceConfig,
  type SubjectTransformConfig,
} from "@ganglion/protocol";
import {
  always,
  bool,
  choice,
  type Decoder,
  type Field,
  fields,
  integer,
  list,
  optional,
  optionalObject,
  optionalWord,
  text,
  textMap,
} from "./json.js";
import { withoutVersionMetadata } from "./version-metadata.js";

const unsigned = integer(0);
const int64 = integer(-(2 ** 63), 2 ** 63);
const int32 = integer(-(2 ** 31), 2 ** 31 - 1);

/** A time in RFC 3339; anything else is a mismatch. */
export const time: Decoder<string> = (value) => {
  const written = text(value);
  return parseTimestamp(written) === undefined ? text(undefined) : written;
};

const transform = fields<SubjectTransformConfig>({ src: always(text, ""), dest: always(text, "") });

const source = fields<StreamSourceConfig>({
  name: always(text, ""),
  opt_start_seq: optional(unsigned),
  opt_start_time: optional(time),
  filter_subject: optional(text),
  subject_transforms: optional(list(transform)),
  external: optionalObject(
    fields<ExternalStreamConfig>({ api: always(text, ""), deliver: always(text, "") }),
  ),
  consumer: optionalObject(
    fields<SourceConsumerConfig>({ name: always(text, ""), deliver_subject: always(text, "") }),
  ),
});

/** Only a mode that is not the default is kept. */
const persistMode: Decoder<"async" | undefined> = (value) =>
  choice("", "default", "async")(value) === "async" ? "async" : undefined;

/** Metadata of the user; what the server says about itself there is made anew for every response. */
const metadata: Decoder<Readonly<Record<string, string>>> = (value) => withoutVersionMetadata(textMap(value));

const STREAM_FIELDS: { readonly [K in keyof StreamConfig]-?: Field<Exclude<StreamConfig[K], undefined>> } = {
  name: always(text, ""),
  description: optional(text),
  subjects: optional(list(text)),
  retention: always(choice("limits", "interest", "workqueue"), "limits"),
  max_consumers: always(int64, 0),
  max_msgs: always(int64, 0),
  max_bytes: always(int64, 0),
  max_age: always(int64, 0),
  max_msgs_per_subject: always(int64, 0),
  max_msg_size: always(int32, 0),
  discard: always(choice("old", "new"), "old"),
  storage: always(choice("file", "memory"), "file"),
  num_replicas: always(int64, 0),
  no_ack: optional(bool),
  duplicate_window: optional(int64),
  placement: optionalObject(fields<PlacementConfig>({ cluster: optional(text), tags: optional(list(text)) })),
  mirror: optionalObject(source),
  sources: optional(list(source)),
  compression: always(choice("none", "s2"), "none"),
  first_seq: optional(unsigned),
  subject_transform: optionalObject(transform),
  republish: optionalObject(
    fields<RepublishConfig>({ src: optional(text), dest: always(text, ""), headers_only: optional(bool) }),
  ),
  allow_direct: always(bool, false),
  mirror_direct: always(bool, false),
  discard_new_per_subject: optional(bool),
  sealed: always(bool, false),
  deny_delete: always(bool, false),
  deny_purge: always(bool, false),
  allow_rollup_hdrs: always(bool, false),
  consumer_limits: always(
    fields<StreamConsumerLimits>({ inactive_threshold: optional(int64), max_ack_pending: optional(int64) }),
    {},
  ),
  allow_msg_ttl: always(bool, false),
  subject_delete_marker_ttl: optional(int64),
  allow_msg_counter: optional(bool),
  allow_atomic: optional(bool),
  allow_msg_schedules: optional(bool),
  persist_mode: { decode: persistMode, zero: undefined, isEmpty: () => false } as Field<PersistMode>,
  allow_batched: optional(bool),
  metadata: optional(metadata),
};

/**
 * Reads a stream configuration as a request carries it. Missing fields get Go's zero values; the defaults are
 * filled in by {@link checkStreamConfig}.
 *
 * Source: nats-server stream.go `StreamConfig` (field order and `omitempty`).
 */
export const decodeStreamConfig = fields<StreamConfig>(STREAM_FIELDS);

/** A stream configuration with what a request says beside it. */
export interface StreamRequest extends StreamConfig {
  /** Refuse what would silently be changed. */
  readonly pedantic?: boolean;
}

/** Reads a request to create or update a stream. Source: nats-server stream.go `StreamConfigRequest`. */
export const decodeStreamRequest = fields<StreamRequest>({ ...STREAM_FIELDS, pedantic: optional(bool) });

/** Reads a consumer configuration. Source: nats-server consumer.go `ConsumerConfig`. */
export const decodeConsumerConfig = fields<ConsumerConfig>({
  durable_name: optional(text),
  name: optional(text),
  description: optional(text),
  deliver_policy: always(
    choice("all", "last", "new", "by_start_sequence", "by_start_time", "last_per_subject"),
    "all",
  ),
  opt_start_seq: optional(unsigned),
  opt_start_time: optional(time),
  ack_policy: always(choice("none", "all", "explicit", "flow_control"), "none"),
  ack_wait: optional(int64),
  max_deliver: optional(int64),
  backoff: optional(list(int64)),
  filter_subject: optional(text),
  filter_subjects: optional(list(text)),
  replay_policy: always(choice("instant", "original"), "instant"),
  rate_limit_bps: optional(unsigned),
  sample_freq: optional(text),
  max_waiting: optional(int64),
  max_ack_pending: optional(int64),
  idle_heartbeat: optional(int64),
  flow_control: optional(bool),
  headers_only: optional(bool),
  max_batch: optional(int64),
  max_expires: optional(int64),
  max_bytes: optional(int64),
  deliver_subject: optional(text),
  deliver_group: optional(text),
  inactive_threshold: optional(int64),
  num_replicas: always(int64, 0),
  mem_storage: optional(bool),
  direct: optional(bool),
  metadata: optional(metadata),
  pause_until: optional(time),
  priority_groups: optional(list(text)),
  priority_policy: optionalWord(choice("none", "overflow", "pinned_client", "prioritized"), "none"),
  priority_timeout: optional(int64),
});

/** Reads a consumer create request. Source: nats-server consumer.go `CreateConsumerRequest`. */
export const decodeCreateConsumer = fields<CreateConsumerRequest>({
  stream_name: always(text, ""),
  config: always(decodeConsumerConfig, decodeConsumerConfig({})),
  action: always(choice("", "create", "update"), ""),
  pedantic: optional(bool),
});
