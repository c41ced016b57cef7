import type { ConsumerConfig, ConsumerInfo as WireConsumerInfo } from "@ganglion/protocol";
import type { ConsumerInfo, ConsumerSpec, DeliverFrom } from "../../transport/consumer-spec.js";
import { timeMs, toMs, toNs } from "./nanoseconds.js";
import { withoutUndefined } from "./stream-wire.js";

/** A consumer's configuration as the API takes it. Fields that are left out get the server's defaults. */
export function consumerToWire(spec: ConsumerSpec, metadata: boolean): Partial<ConsumerConfig> {
  const { filterSubjects = [] } = spec;
  return {
    name: spec.name,
    ...(spec.ephemeral !== true && { durable_name: spec.name }),
    ack_policy: spec.ack ?? "explicit",
    replay_policy: spec.replay ?? "instant",
    ...startToWire(spec.from ?? "all"),
    ...(spec.description !== undefined && { description: spec.description }),
    ...(filterSubjects.length === 1 && { filter_subject: filterSubjects[0] as string }),
    ...(filterSubjects.length > 1 && { filter_subjects: filterSubjects }),
    ...(spec.ackWaitMs !== undefined && { ack_wait: toNs(spec.ackWaitMs) }),
    ...(spec.maxDeliver !== undefined && { max_deliver: spec.maxDeliver }),
    ...(spec.backoffMs !== undefined && { backoff: spec.backoffMs.map(toNs) }),
    ...(spec.maxAckPending !== undefined && { max_ack_pending: spec.maxAckPending }),
    ...(spec.inactiveThresholdMs !== undefined && { inactive_threshold: toNs(spec.inactiveThresholdMs) }),
    ...(spec.headersOnly === true && { headers_only: true }),
    ...(spec.replicas !== undefined && { num_replicas: spec.replicas }),
    ...(spec.memoryStorage === true && { mem_storage: true }),
    ...(metadata && spec.metadata !== undefined && { metadata: spec.metadata }),
    ...spec.wire,
  };
}

function startToWire(from: DeliverFrom): Partial<ConsumerConfig> {
  if (typeof from === "object") {
    return "sequence" in from
      ? { deliver_policy: "by_start_sequence", opt_start_seq: from.sequence }
      : { deliver_policy: "by_start_time", opt_start_time: new Date(from.timeMs).toISOString() };
  }
  return { deliver_policy: from === "last-per-subject" ? "last_per_subject" : from };
}

/** A consumer's facts in our terms. */
export function consumerFromWire(info: WireConsumerInfo): ConsumerInfo {
  return {
    stream: info.stream_name,
    spec: specFromWire(info.name, info.config),
    pending: info.num_pending,
    ackPending: info.num_ack_pending,
    redelivered: info.num_redelivered,
    waiting: info.num_waiting,
    deliveredSequence: info.delivered.stream_seq,
    ackFloorSequence: info.ack_floor.stream_seq,
  };
}

function specFromWire(name: string, config: ConsumerConfig): ConsumerSpec {
  const single = config.filter_subject ? [config.filter_subject] : undefined;
  return withoutUndefined<ConsumerSpec>({
    name,
    ephemeral: !config.durable_name,
    description: config.description,
    filterSubjects: config.filter_subjects ?? single,
    from: startFromWire(config),
    // What flow control acknowledges, it acknowledges with all before it.
    ack: config.ack_policy === "flow_control" ? "all" : config.ack_policy,
    ackWaitMs: config.ack_wait === undefined ? undefined : toMs(config.ack_wait),
    maxDeliver: (config.max_deliver ?? -1) < 0 ? undefined : config.max_deliver,
    backoffMs: config.backoff?.map(toMs),
    maxAckPending: config.max_ack_pending,
    replay: config.replay_policy,
    inactiveThresholdMs:
      config.inactive_threshold === undefined ? undefined : toMs(config.inactive_threshold),
    headersOnly: config.headers_only ?? false,
    replicas: config.num_replicas,
    memoryStorage: config.mem_storage ?? false,
    metadata: config.metadata,
    wire: undefined,
  });
}

function startFromWire(config: ConsumerConfig): DeliverFrom {
  switch (config.deliver_policy) {
    case "by_start_sequence":
      return { sequence: config.opt_start_seq ?? 1 };
    case "by_start_time":
      return { timeMs: timeMs(config.opt_start_time ?? "") };
    case "last_per_subject":
      return "last-per-subject";
    default:
      return config.deliver_policy;
  }
}
