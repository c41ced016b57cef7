/** When a stream lets go of a message. */
export type RetentionPolicy = "limits" | "interest" | "workqueue";
/** What a full stream does with the next message: drop the oldest, or refuse the new one. */
export type DiscardPolicy = "old" | "new";
/** Where a stream or consumer is kept. */
export type StorageType = "file" | "memory";
/** How a file stream compresses its blocks. */
export type StoreCompression = "none" | "s2";

/** When a file stream acknowledges a publish: after it is written, or before. */
export type PersistMode = "async";

/** Maps subjects that match `src` onto `dest`, with `{{wildcard(n)}}` and its relatives. */
export interface SubjectTransformConfig {
  readonly src: string;
  readonly dest: string;
}

/** Publishes every stored message again on another subject. */
export interface RepublishConfig {
  /** Which subjects; empty or left out means all. */
  readonly src?: string;
  readonly dest: string;
  readonly headers_only?: boolean;
}

/** Where to find a stream of another account or domain. */
export interface ExternalStreamConfig {
  readonly api: string;
  readonly deliver: string;
}

/** A push consumer that exists, through which a stream is copied. */
export interface SourceConsumerConfig {
  readonly name: string;
  readonly deliver_subject: string;
}

/** A stream another stream copies from. */
export interface StreamSourceConfig {
  readonly name: string;
  readonly opt_start_seq?: number;
  /** RFC 3339. */
  readonly opt_start_time?: string;
  readonly filter_subject?: string;
  readonly subject_transforms?: readonly SubjectTransformConfig[];
  readonly external?: ExternalStreamConfig;
  /** Copies through this consumer, whose ack policy is `flow_control`. Source: ADR-60. */
  readonly consumer?: SourceConsumerConfig;
}

/** Where a clustered server should place a stream. */
export interface PlacementConfig {
  readonly cluster?: string;
  readonly tags?: readonly string[];
}

/** Defaults and limits for the consumers of a stream. */
export interface StreamConsumerLimits {
  /** Nanoseconds. */
  readonly inactive_threshold?: number;
  readonly max_ack_pending?: number;
}

/**
 * Configuration of a stream as it travels in JSON, defaults filled in. Names, units and value -1 (or 0) for
 * "no limit" are the wire's; durations are nanoseconds.
 *
 * Source: nats-server stream.go `StreamConfig`.
 */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention: RetentionPolicy;
  readonly max_consumers: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  /** Nanoseconds; 0: messages do not age. */
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  /** Largest header plus payload, in bytes. */
  readonly max_msg_size: number;
  readonly discard: DiscardPolicy;
  readonly storage: StorageType;
  readonly num_replicas: number;
  readonly no_ack?: boolean;
  /** Nanoseconds. */
  readonly duplicate_window?: number;
  readonly placement?: PlacementConfig;
  readonly mirror?: StreamSourceConfig;
  readonly sources?: readonly StreamSourceConfig[];
  readonly compression: StoreCompression;
  readonly first_seq?: number;
  readonly subject_transform?: SubjectTransformConfig;
  readonly republish?: RepublishConfig;
  readonly allow_direct: boolean;
  readonly mirror_direct: boolean;
  readonly discard_new_per_subject?: boolean;
  readonly sealed: boolean;
  readonly deny_delete: boolean;
  readonly deny_purge: boolean;
  readonly allow_rollup_hdrs: boolean;
  readonly consumer_limits: StreamConsumerLimits;
  readonly allow_msg_ttl: boolean;
  /** Nanoseconds; 0: no markers are left behind. */
  readonly subject_delete_marker_ttl?: number;
  readonly allow_msg_counter?: boolean;
  readonly allow_atomic?: boolean;
  readonly allow_msg_schedules?: boolean;
  readonly persist_mode?: PersistMode;
  readonly allow_batched?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * What nats-server fills in when a stream is created, and the bounds it checks.
 *
 * Source: nats-server stream.go `checkStreamCfg`, jetstream_api.go `JSMaxNameLen` and neighbours.
 */
export const STREAM_DEFAULTS = {
  replicas: 1,
  maxReplicas: 5,
  /** Nanoseconds. */
  duplicateWindowNs: 120_000_000_000,
  minMaxAgeNs: 100_000_000,
  minDuplicateWindowNs: 100_000_000,
  maxNameSizeBytes: 255,
  maxDescriptionSizeBytes: 4096,
  maxMetadataSizeBytes: 128 * 1024,
  maxHeaderSizeBytes: 65_535,
  minSubjectDeleteMarkerTtlNs: 1_000_000_000,
} as const;
