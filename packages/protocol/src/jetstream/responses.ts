import type { ApiError } from "./api-error.js";
import type { ConsumerConfig } from "./consumer-config.js";
import type { ExternalStreamConfig, StreamConfig, SubjectTransformConfig } from "./stream-config.js";

/** State of a stream as info responses carry it; times are RFC 3339 with up to nine decimals. */
export interface StreamStateInfo {
  readonly messages: number;
  readonly bytes: number;
  readonly first_seq: number;
  readonly first_ts: string;
  readonly last_seq: number;
  readonly last_ts: string;
  readonly num_subjects?: number;
  readonly subjects?: Readonly<Record<string, number>>;
  readonly num_deleted?: number;
  readonly deleted?: readonly number[];
  readonly lost?: { readonly msgs: readonly number[]; readonly bytes: number };
  readonly consumer_count: number;
}

/** How a stream is doing that another one copies from. */
export interface StreamSourceInfo {
  readonly name: string;
  readonly external?: ExternalStreamConfig;
  /** Messages of the origin that are still to come. */
  readonly lag: number;
  /** Nanoseconds since something came from the origin; -1: nothing ever did. */
  readonly active: number;
  readonly error?: ApiError;
  readonly filter_subject?: string;
  readonly subject_transforms?: readonly SubjectTransformConfig[];
}

/** What is known of a stream. */
export interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  readonly state: StreamStateInfo;
  readonly domain?: string;
  readonly mirror?: StreamSourceInfo;
  readonly sources?: readonly StreamSourceInfo[];
  /** When this was gathered. */
  readonly ts: string;
}

/** A position in a consumer's deliveries and in its stream. */
export interface SequenceInfo {
  readonly consumer_seq: number;
  readonly stream_seq: number;
  readonly last_active?: string;
}

/** What is known of a consumer. */
export interface ConsumerInfo {
  readonly stream_name: string;
  readonly name: string;
  readonly created: string;
  readonly config: ConsumerConfig;
  readonly delivered: SequenceInfo;
  readonly ack_floor: SequenceInfo;
  readonly num_ack_pending: number;
  readonly num_redelivered: number;
  readonly num_waiting: number;
  readonly num_pending: number;
  readonly push_bound?: boolean;
  readonly paused?: boolean;
  /** Nanoseconds. */
  readonly pause_remaining?: number;
  readonly ts: string;
  readonly priority_groups?: readonly PriorityGroupInfo[];
}

/** A priority group of a consumer, and the client that is pinned in it. */
export interface PriorityGroupInfo {
  readonly group: string;
  readonly pinned_client_id?: string;
  /** When it was pinned; the zero time when none is. */
  readonly pinned_ts: string;
}

/** A stored message in JSON; `hdrs` and `data` are base64. */
export interface StoredMessageInfo {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
  readonly time: string;
}

/** Limits of an account; -1 means none. */
export interface AccountLimits {
  readonly max_memory: number;
  readonly max_storage: number;
  readonly max_streams: number;
  readonly max_consumers: number;
  readonly max_ack_pending: number;
  readonly memory_max_stream_bytes: number;
  readonly storage_max_stream_bytes: number;
  readonly max_bytes_required: boolean;
}

/** Use of JetStream by an account, or by the part of it that belongs to one tier. */
export interface AccountTier {
  readonly memory: number;
  readonly storage: number;
  readonly reserved_memory: number;
  readonly reserved_storage: number;
  readonly streams: number;
  readonly consumers: number;
  readonly limits: AccountLimits;
}

/** Use of JetStream by an account. */
export interface AccountInfo extends AccountTier {
  /** By name, when the account has limits by tier. */
  readonly tiers?: Readonly<Record<string, AccountTier>>;
  readonly domain?: string;
  readonly api: { readonly level: number; readonly total: number; readonly errors: number };
}

/** Answer to a publish into a stream. */
export interface PubAck {
  readonly error?: ApiError;
  readonly stream: string;
  readonly seq: number;
  readonly domain?: string;
  readonly duplicate?: boolean;
}

/** Every response type of the API is this prefix, a name, and `_response`. */
export const RESPONSE_TYPE_PREFIX = "io.nats.jetstream.api.v1.";

/** Most entries in one page of a names response. Source: jetstream_api.go `JSApiNamesLimit`. */
export const NAMES_PAGE_LIMIT = 1024;
/** Most entries in one page of a list response. Source: jetstream_api.go `JSApiListLimit`. */
export const LIST_PAGE_LIMIT = 256;
/** Most subjects in one page of a stream info. Source: jetstream_api.go `JSMaxSubjectDetails`. */
export const SUBJECT_DETAILS_LIMIT = 100_000;
