import {
  domainApiPrefix,
  type StreamConfig,
  type StreamSourceConfig,
  type StreamInfo as WireStreamInfo,
} from "@ganglion/protocol";
import type { StreamInfo, StreamOrigin, StreamSpec } from "../../transport/stream-spec.js";
import { timeMs, toMs, toNs } from "./nanoseconds.js";

/** A stream's configuration as the API takes it. Fields that are left out get the server's defaults. */
export function streamToWire(spec: StreamSpec, metadata: boolean): Partial<StreamConfig> {
  const unlimited = (value: number | undefined) => value ?? -1;
  return {
    name: spec.name,
    retention: spec.retention ?? "limits",
    storage: spec.storage ?? "file",
    num_replicas: spec.replicas ?? 1,
    max_consumers: -1,
    max_msgs: unlimited(spec.maxMessages),
    max_bytes: unlimited(spec.maxBytes),
    max_age: toNs(spec.maxAgeMs ?? 0),
    max_msgs_per_subject: unlimited(spec.maxMessagesPerSubject),
    max_msg_size: unlimited(spec.maxMessageBytes),
    discard: spec.discard ?? "old",
    allow_direct: spec.allowDirect ?? true,
    ...(spec.description !== undefined && { description: spec.description }),
    ...(spec.subjects !== undefined && { subjects: spec.subjects }),
    ...(spec.discardNewPerSubject === true && { discard_new_per_subject: true }),
    ...(spec.duplicateWindowMs !== undefined && { duplicate_window: toNs(spec.duplicateWindowMs) }),
    ...(spec.allowRollup === true && { allow_rollup_hdrs: true }),
    ...(spec.denyDelete === true && { deny_delete: true }),
    ...(spec.denyPurge === true && { deny_purge: true }),
    ...(spec.mirror !== undefined && { mirror: originToWire(spec.mirror) }),
    ...(spec.sources !== undefined && { sources: spec.sources.map(originToWire) }),
    ...(spec.placement !== undefined && { placement: spec.placement }),
    ...(metadata && spec.metadata !== undefined && { metadata: spec.metadata }),
    ...spec.wire,
  };
}

function originToWire(origin: StreamOrigin): StreamSourceConfig {
  const { name, filterSubject, startSequence, startTimeMs, domain } = origin;
  return {
    name,
    ...(filterSubject !== undefined && { filter_subject: filterSubject }),
    ...(startSequence !== undefined && { opt_start_seq: startSequence }),
    ...(startTimeMs !== undefined && { opt_start_time: new Date(startTimeMs).toISOString() }),
    ...(domain !== undefined && { external: { api: domainApiPrefix(domain).slice(0, -1), deliver: "" } }),
  };
}

/** A stream's facts in our terms. */
export function streamFromWire({ config, created, state }: WireStreamInfo): StreamInfo {
  return {
    spec: specFromWire(config),
    createdMs: timeMs(created),
    messages: state.messages,
    bytes: state.bytes,
    firstSequence: state.first_seq,
    lastSequence: state.last_seq,
    consumerCount: state.consumer_count,
    ...(state.subjects !== undefined && { subjects: state.subjects }),
  };
}

function specFromWire(config: StreamConfig): StreamSpec {
  const limit = (value: number | undefined) => (value === undefined || value < 0 ? undefined : value);
  const maxMessagesPerSubject = limit(config.max_msgs_per_subject);
  return withoutUndefined<StreamSpec>({
    name: config.name,
    description: config.description,
    subjects: config.subjects,
    retention: config.retention,
    storage: config.storage,
    replicas: config.num_replicas,
    maxMessages: limit(config.max_msgs),
    maxBytes: limit(config.max_bytes),
    maxAgeMs: config.max_age > 0 ? toMs(config.max_age) : undefined,
    maxMessagesPerSubject: maxMessagesPerSubject === 0 ? undefined : maxMessagesPerSubject,
    maxMessageBytes: limit(config.max_msg_size),
    discard: config.discard,
    discardNewPerSubject: config.discard_new_per_subject,
    duplicateWindowMs: config.duplicate_window === undefined ? undefined : toMs(config.duplicate_window),
    allowDirect: config.allow_direct ?? false,
    allowRollup: config.allow_rollup_hdrs ?? false,
    denyDelete: config.deny_delete ?? false,
    denyPurge: config.deny_purge ?? false,
    mirror: config.mirror === undefined ? undefined : originFromWire(config.mirror),
    sources: config.sources?.map(originFromWire),
    placement: config.placement,
    metadata: config.metadata,
  });
}

function originFromWire(origin: StreamSourceConfig): StreamOrigin {
  const domain = origin.external?.api.split(".")[1];
  return withoutUndefined<StreamOrigin>({
    name: origin.name,
    filterSubject: origin.filter_subject,
    startSequence: origin.opt_start_seq,
    startTimeMs: origin.opt_start_time === undefined ? undefined : timeMs(origin.opt_start_time),
    domain,
  });
}

/** Leaves out what is undefined, which exact optional properties do not allow. */
export function withoutUndefined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
