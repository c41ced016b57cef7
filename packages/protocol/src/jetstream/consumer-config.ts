/** Which message a consumer starts with. */
export type DeliverPolicy =
  | "all"
  | "last"
  | "new"
  | "by_start_sequence"
  | "by_start_time"
  | "last_per_subject";
/** What an acknowledgement means: nothing, everything up to the message, or the one message. */
export type AckPolicy = "none" | "all" | "explicit" | "flow_control";
/** Whether stored messages are replayed at once or at the pace they came in. */
export type ReplayPolicy = "instant" | "original";
/**
 * Who is served first among the pull requests of a consumer with priority groups: everybody in turn; everybody,
 * but those who ask to only help out when there is too much; one client as long as it keeps pulling; the request
 * with the lowest `priority`.
 *
 * Source: ADR-42.
 */
export type PriorityPolicy = "none" | "overflow" | "pinned_client" | "prioritized";
/** What a consumer request may do: create only, update only, or (empty) either. */
export type ConsumerAction = "" | "create" | "update";

/**
 * Configuration of a consumer as it travels in JSON. Names and units are the wire's; durations are
 * nanoseconds. Without `deliver_subject` it is a pull consumer.
 *
 * Source: nats-server consumer.go `ConsumerConfig`.
 */
export interface ConsumerConfig {
  readonly durable_name?: string;
  readonly name?: string;
  readonly description?: string;
  readonly deliver_policy: DeliverPolicy;
  readonly opt_start_seq?: number;
  /** RFC 3339. */
  readonly opt_start_time?: string;
  readonly ack_policy: AckPolicy;
  /** Nanoseconds. */
  readonly ack_wait?: number;
  readonly max_deliver?: number;
  /** Nanoseconds. */
  readonly backoff?: readonly number[];
  readonly filter_subject?: string;
  readonly filter_subjects?: readonly string[];
  readonly replay_policy: ReplayPolicy;
  /** Bits per second. */
  readonly rate_limit_bps?: number;
  readonly sample_freq?: string;
  readonly max_waiting?: number;
  readonly max_ack_pending?: number;
  /** Nanoseconds. */
  readonly idle_heartbeat?: number;
  readonly flow_control?: boolean;
  readonly headers_only?: boolean;
  readonly max_batch?: number;
  /** Nanoseconds. */
  readonly max_expires?: number;
  readonly max_bytes?: number;
  readonly deliver_subject?: string;
  readonly deliver_group?: string;
  /** Nanoseconds. */
  readonly inactive_threshold?: number;
  readonly num_replicas: number;
  readonly mem_storage?: boolean;
  readonly direct?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
  /** RFC 3339. Nothing is delivered until then. */
  readonly pause_until?: string;
  readonly priority_groups?: readonly string[];
  readonly priority_policy?: PriorityPolicy;
  /** Nanoseconds a pinned client may stay away before another one is pinned. */
  readonly priority_timeout?: number;
}

/** Body of a consumer create request. */
export interface CreateConsumerRequest {
  readonly stream_name: string;
  readonly config: ConsumerConfig;
  readonly action: ConsumerAction;
  /** Refuse what would silently be changed. */
  readonly pedantic?: boolean;
}

/** Body of a pull request. */
export interface PullRequest {
  readonly batch: number;
  readonly max_bytes: number;
  /** Nanoseconds; 0: never. */
  readonly expires: number;
  readonly no_wait: boolean;
  /** Nanoseconds; 0: none. */
  readonly idle_heartbeat: number;
  /** Absent in requests that are no JSON. */
  readonly priority?: PullPriority;
}

/** What a pull request says to a consumer with priority groups. Source: ADR-42. */
export interface PullPriority {
  /** Empty: none. */
  readonly group: string;
  /** With the policy `overflow`: serve the request only when so many messages wait to be delivered; 0: always. */
  readonly minPending: number;
  /** With the policy `overflow`: serve the request only when so many messages wait to be acknowledged; 0: always. */
  readonly minAckPending: number;
  /** Pin id the client was given; empty: none yet. */
  readonly pinId: string;
  /** With the policy `prioritized`: 0 is served first, 9 last. */
  readonly level: number;
}

/**
 * What nats-server fills in for a consumer, and the bounds it checks. Durations are nanoseconds.
 *
 * Source: nats-server consumer.go `setConsumerConfigDefaults`, `checkConsumerCfg`.
 */
export const CONSUMER_DEFAULTS = {
  ackWaitNs: 30_000_000_000,
  maxAckPending: 1000,
  maxWaiting: 512,
  inactiveThresholdNs: 5_000_000_000,
  minIdleHeartbeatNs: 100_000_000,
  minMaxExpiresNs: 1_000_000,
  priorityTimeoutNs: 120_000_000_000,
  /** Bytes a flow-controlled push consumer may have unacknowledged at most; it starts with a sixteenth. */
  flowControlWindowBytes: 32 * 1024 * 1024,
} as const;
