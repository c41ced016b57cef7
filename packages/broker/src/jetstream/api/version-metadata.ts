import type { ConsumerConfig, StreamConfig } from "@ganglion/protocol";
import { API_LEVEL, REPORTED_VERSION } from "../../version.js";

/**
 * Whether this server has the API level that a header asks for.
 *
 * Source: nats-server jetstream_versioning.go `errorOnRequiredApiLevel`.
 */
export function isApiLevelThere(level: string): boolean {
  return /^[+-]?\d+$/.test(level) && Number(level) <= API_LEVEL;
}

type Metadata = Readonly<Record<string, string>>;

/** What a server says about itself in the metadata of a stream or consumer. */
const KEYS = { requiredLevel: "_nats.req.level", version: "_nats.ver", level: "_nats.level" } as const;

const SERVER_KEYS: ReadonlySet<string> = new Set(Object.values(KEYS));

/** Metadata without what a server wrote into it. */
export function withoutVersionMetadata(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !SERVER_KEYS.has(key)));
}

/**
 * A stream configuration as responses carry it: with the API level it needs, and that of this server.
 *
 * Source: nats-server jetstream_versioning.go `setStaticStreamMetadata`, `setDynamicStreamMetadata`.
 */
export function describedStreamConfig(config: StreamConfig): StreamConfig {
  return { ...config, metadata: versionMetadata(config.metadata, streamLevel(config)) };
}

function streamLevel(config: StreamConfig): number {
  if (config.allow_batched === true) return 4;
  if (
    config.allow_msg_counter === true ||
    config.allow_atomic === true ||
    config.allow_msg_schedules === true ||
    config.persist_mode === "async"
  ) {
    return 2;
  }
  return config.allow_msg_ttl || (config.subject_delete_marker_ttl ?? 0) > 0 ? 1 : 0;
}

/** The same for a consumer. Source: nats-server jetstream_versioning.go `setStaticConsumerMetadata`. */
export function describedConsumerConfig(config: ConsumerConfig): ConsumerConfig {
  return { ...config, metadata: versionMetadata(config.metadata, consumerLevel(config)) };
}

function consumerLevel(config: ConsumerConfig): number {
  if (config.ack_policy === "flow_control") return 4;
  const { pause_until: pause, priority_policy: policy = "none", priority_groups: groups = [] } = config;
  const usesPriority = policy !== "none" || groups.length > 0 || (config.priority_timeout ?? 0) !== 0;
  return pause !== undefined || usesPriority ? 1 : 0;
}

function versionMetadata(own: Metadata | undefined, requiredLevel: number): Metadata {
  return {
    ...own,
    [KEYS.level]: String(API_LEVEL),
    [KEYS.requiredLevel]: String(requiredLevel),
    [KEYS.version]: REPORTED_VERSION,
  };
}
