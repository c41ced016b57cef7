import {
  CONSUMER_DEFAULTS,
  type ConsumerConfig,
  filtersOverlap,
  hasWildcard,
  isSubsetFilter,
  isValidFilter,
  type JetStreamErrorName,
  STREAM_DEFAULTS,
  type StreamConfig,
} from "@ganglion/protocol";
import { type ApiFault, apiFault, invalidStreamConfig } from "../api/api-fault.js";
import { metadataSizeBytes } from "../stream/stream-config-check.js";
import { filtersOf } from "./deliver-policy.js";

/**
 * Fills in the defaults of a consumer.
 *
 * Source: nats-server consumer.go `setConsumerConfigDefaults`.
 */
export function withConsumerDefaults(
  config: ConsumerConfig,
  stream: StreamConfig,
  rules: ConsumerRules = {},
): ConsumerConfig {
  const isPull = config.deliver_subject === undefined;
  const wantsAcks = config.ack_policy !== "none";
  const waitsForAcks = wantsAcks && config.ack_policy !== "flow_control";
  const [firstBackoff] = config.backoff ?? [];
  const ackWait = firstBackoff ?? config.ack_wait ?? (waitsForAcks ? CONSUMER_DEFAULTS.ackWaitNs : undefined);
  const limits = stream.consumer_limits;
  const maxAckPending =
    config.max_ack_pending ??
    limits.max_ack_pending ??
    (wantsAcks ? Math.min(CONSUMER_DEFAULTS.maxAckPending, ...maxAckPendingOf(rules)) : undefined);
  const maxBatch = config.max_batch ?? (isPull ? rules.maxRequestBatch : undefined);
  const isDurable = config.durable_name !== undefined;
  const threshold =
    config.inactive_threshold ??
    limits.inactive_threshold ??
    (isDurable ? undefined : CONSUMER_DEFAULTS.inactiveThresholdNs);
  return {
    ...config,
    max_deliver: config.max_deliver ?? -1,
    ...(isPull ? { max_waiting: config.max_waiting ?? CONSUMER_DEFAULTS.maxWaiting } : {}),
    ...(ackWait === undefined ? {} : { ack_wait: ackWait }),
    ...(maxBatch === undefined ? {} : { max_batch: maxBatch }),
    ...(maxAckPending === undefined ? {} : { max_ack_pending: maxAckPending }),
    ...(threshold === undefined ? {} : { inactive_threshold: threshold }),
    ...priorityDefaults(config),
    ...(config.ack_policy === "flow_control" ? FLOW_CONTROL_DEFAULTS : {}),
  };
}

/** What acknowledging by flow control needs. Source: nats-server consumer.go `sourceHealthHB`. */
const FLOW_CONTROL_DEFAULTS = { flow_control: true, idle_heartbeat: 1e9 };

/** Source: ADR-60; nats-server consumer.go `checkConsumerCfg`. */
function checkAckFlowControl(config: ConsumerConfig): void {
  if (config.ack_policy !== "flow_control") return;
  if (config.deliver_subject === undefined) throw apiFault("ConsumerAckFCRequiresPush");
  if (config.flow_control !== true) throw apiFault("ConsumerAckFCRequiresFC");
  if (config.idle_heartbeat !== FLOW_CONTROL_DEFAULTS.idle_heartbeat) {
    throw invalidStreamConfig("flow control ack policy heartbeat needs to be 1s");
  }
  if ((config.max_ack_pending ?? 0) <= 0) throw apiFault("ConsumerAckFCRequiresMaxAckPending");
  if (config.ack_wait !== undefined || config.backoff !== undefined)
    throw apiFault("ConsumerAckFCRequiresNoAckWait");
  if ((config.max_deliver ?? -1) > 0) throw apiFault("ConsumerAckFCRequiresNoMaxDeliver");
}

function priorityDefaults(config: ConsumerConfig): Partial<ConsumerConfig> {
  const { priority_policy: policy, priority_timeout: timeout = 0 } = config;
  return policy === "pinned_client" && timeout <= 0
    ? { priority_timeout: CONSUMER_DEFAULTS.priorityTimeoutNs }
    : {};
}

/** What beside the stream limits a consumer. -1, 0 or undefined: no limit. */
export interface ConsumerRules {
  /** Of the account. */
  readonly maxAckPending?: number | undefined;
  /** Of the server; for consumers that do not say how much. */
  readonly defaultMaxAckPending?: number | undefined;
  readonly maxRequestBatch?: number | undefined;
}

function maxAckPendingOf({ maxAckPending = 0, defaultMaxAckPending = 0 }: ConsumerRules): number[] {
  return [maxAckPending, defaultMaxAckPending].filter((limit) => limit > 0);
}

/**
 * Checks a consumer configuration whose defaults are filled in.
 *
 * @throws ApiFault with the error and words of nats-server, in its order.
 * Source: nats-server consumer.go `checkConsumerCfg`.
 */
export function checkConsumerConfig(
  config: ConsumerConfig,
  stream: StreamConfig,
  rules: ConsumerRules,
): void {
  checkReplicas(config, stream);
  checkAckFlowControl(config);
  const backoffCount = config.backoff?.length ?? 0;
  const maxDeliver = config.max_deliver ?? -1;
  if (backoffCount > 0 && maxDeliver !== -1 && backoffCount > maxDeliver) {
    throw apiFault("ConsumerMaxDeliverBackoff");
  }
  if (Buffer.byteLength(config.description ?? "") > STREAM_DEFAULTS.maxDescriptionSizeBytes) {
    throw apiFault("ConsumerDescriptionTooLong", { max: STREAM_DEFAULTS.maxDescriptionSizeBytes });
  }
  if (config.deliver_subject !== undefined) checkPush(config, config.deliver_subject, stream);
  else checkPull(config, stream);
  checkLimits(config, stream, rules);
  if (config.direct === true) {
    if (config.deliver_subject === undefined) throw apiFault("ConsumerDirectRequiresPush");
    if (config.durable_name !== undefined) throw apiFault("ConsumerDirectRequiresEphemeral");
  }
  const maxBatch = rules.maxRequestBatch ?? 0;
  if (maxBatch > 0 && (config.max_batch ?? 0) > maxBatch) {
    throw apiFault("ConsumerMaxRequestBatchExceeded", { limit: maxBatch });
  }
  checkFilters(config);
  checkStart(config);
  checkRest(config);
}

function checkReplicas({ num_replicas: replicas }: ConsumerConfig, stream: StreamConfig): void {
  if (replicas > 0 && replicas > stream.num_replicas) throw apiFault("ConsumerReplicasExceedsStream");
  if (replicas < 0) throw apiFault("ReplicasCountCannotBeNegative");
  if (stream.retention !== "limits" && replicas !== 0 && replicas !== stream.num_replicas) {
    throw apiFault("ConsumerReplicasShouldMatchStream");
  }
}

function checkPush(config: ConsumerConfig, subject: string, stream: StreamConfig): void {
  if (hasWildcard(subject)) throw apiFault("ConsumerDeliverToWildcards");
  if (!isValidFilter(subject)) throw apiFault("ConsumerInvalidDeliverSubject");
  if ((stream.subjects ?? []).some((taken) => isSubsetFilter(subject, taken)))
    throw apiFault("ConsumerDeliverCycle");
  if ((config.max_waiting ?? 0) !== 0) throw apiFault("ConsumerPushMaxWaiting");
  if ((config.max_ack_pending ?? 0) > 0 && config.ack_policy === "none") {
    throw apiFault("ConsumerMaxPendingAckPolicyRequired");
  }
  const heartbeat = config.idle_heartbeat ?? 0;
  if (heartbeat > 0 && heartbeat < CONSUMER_DEFAULTS.minIdleHeartbeatNs)
    throw apiFault("ConsumerSmallHeartbeat");
}

function checkPull(config: ConsumerConfig, stream: StreamConfig): void {
  const { max_expires: maxExpires = 0 } = config;
  const refusals: readonly (readonly [boolean, JetStreamErrorName])[] = [
    [config.ack_policy === "none" && stream.retention === "workqueue", "ConsumerPullRequiresAck"],
    [(config.rate_limit_bps ?? 0) > 0, "ConsumerPullWithRateLimit"],
    [(config.max_waiting ?? 0) < 0, "ConsumerMaxWaitingNegative"],
    [(config.idle_heartbeat ?? 0) > 0, "ConsumerHBRequiresPush"],
    [config.flow_control === true, "ConsumerFCRequiresPush"],
    [(config.max_batch ?? 0) < 0, "ConsumerMaxRequestBatchNegative"],
    [maxExpires !== 0 && maxExpires < CONSUMER_DEFAULTS.minMaxExpiresNs, "ConsumerMaxRequestExpiresTooSmall"],
  ];
  for (const [refused, name] of refusals) if (refused) throw apiFault(name);
}

function checkLimits(config: ConsumerConfig, stream: StreamConfig, rules: ConsumerRules): void {
  const { max_ack_pending: maxAckPending = 0, inactive_threshold: threshold = 0 } = config;
  for (const limit of [rules.maxAckPending ?? 0, stream.consumer_limits.max_ack_pending ?? 0]) {
    if (limit > 0 && maxAckPending > limit) throw apiFault("ConsumerMaxPendingAckExcess", { limit });
  }
  const maxThreshold = stream.consumer_limits.inactive_threshold ?? 0;
  if (maxThreshold > 0 && threshold > maxThreshold) {
    throw apiFault("ConsumerInactiveThresholdExcess", { limit: maxThreshold });
  }
}

function checkFilters(config: ConsumerConfig): void {
  const { filter_subject: single, filter_subjects: several = [] } = config;
  if (single !== undefined && several.length > 0) throw apiFault("ConsumerDuplicateFilterSubjects");
  if (single !== undefined && !isValidFilter(single)) throw invalidStreamConfig("invalid subject");
  if (several.includes("")) throw apiFault("ConsumerEmptyFilter");
  for (const [index, filter] of several.entries()) {
    if (!isValidFilter(filter)) throw invalidStreamConfig("invalid subject");
    if (several.some((other, at) => at !== index && filtersOverlap(filter, other))) {
      throw apiFault("ConsumerOverlappingSubjectFilters");
    }
  }
}

/** How each deliver policy is called in errors. */
const POLICY_WORDS: Readonly<Record<ConsumerConfig["deliver_policy"], string>> = {
  all: "all",
  last: "last",
  new: "new",
  last_per_subject: "last per subject",
  by_start_sequence: "by start sequence",
  by_start_time: "by start time",
};

function checkStart(config: ConsumerConfig): void {
  const { deliver_policy: policy, opt_start_seq: sequence, opt_start_time: time } = config;
  const words = POLICY_WORDS[policy];
  const isSet = (start: string) =>
    invalidPolicy(`consumer delivery policy is deliver ${words}, but optional start ${start} is also set`);
  const isNotSet = (start: string) =>
    invalidPolicy(`consumer delivery policy is deliver ${words}, but optional ${start} is not set`);
  if (policy === "by_start_sequence") {
    if (sequence === undefined) throw isNotSet("start sequence");
    if (time !== undefined) throw isSet("time");
    return;
  }
  if (policy === "by_start_time") {
    if (time === undefined) throw isNotSet("start time");
    if (sequence !== undefined) throw isSet("start sequence");
    return;
  }
  if (sequence !== undefined) throw isSet("sequence");
  if (time !== undefined) throw isSet("time");
  if (policy === "last_per_subject" && filtersOf(config).length === 0) throw isNotSet("filter subject");
}

function invalidPolicy(reason: string): ApiFault {
  return apiFault("ConsumerInvalidPolicy", { err: reason });
}

function checkRest(config: ConsumerConfig): void {
  const { sample_freq: sampling, durable_name: durable, name } = config;
  if (sampling !== undefined && !/^[+]?\d+$/.test(sampling.replace(/%$/, ""))) {
    throw apiFault("ConsumerInvalidSampling", { err: `invalid number ${JSON.stringify(sampling)}` });
  }
  if (config.flow_control === true && (config.idle_heartbeat ?? 0) === 0) {
    throw apiFault("ConsumerWithFlowControlNeedsHeartbeats");
  }
  if (durable !== undefined && name !== undefined && name !== durable) {
    throw apiFault("ConsumerCreateDurableAndNameMismatch");
  }
  if (metadataSizeBytes(config.metadata) > STREAM_DEFAULTS.maxMetadataSizeBytes) {
    throw apiFault("ConsumerMetadataLength", { limit: `${STREAM_DEFAULTS.maxMetadataSizeBytes / 1024}KB` });
  }
  checkPriority(config);
}

/** Source: nats-server consumer.go `validGroupName`. */
export const GROUP_NAME = /^[a-zA-Z0-9/_=-]{1,16}$/;

function checkPriority(config: ConsumerConfig): void {
  const { priority_policy: policy = "none", priority_groups: groups = [], priority_timeout = 0 } = config;
  if (policy === "none") {
    if (groups.length > 0) throw apiFault("ConsumerPriorityGroupWithPolicyNone");
    if (priority_timeout > 0) throw apiFault("ConsumerPinnedTTLWithoutPriorityPolicyNone");
    return;
  }
  if (config.deliver_subject !== undefined) throw apiFault("ConsumerPushWithPriorityGroup");
  if (groups.length === 0) throw apiFault("ConsumerPriorityPolicyWithoutGroup");
  for (const group of groups) {
    if (group === "") throw apiFault("ConsumerEmptyGroupName");
    if (!GROUP_NAME.test(group)) throw apiFault("ConsumerInvalidGroupName");
  }
}

/**
 * Checks that a consumer may change from `old` to `given`.
 *
 * @param isBound - whether somebody listens at the old deliver subject.
 * @throws ApiFault. Source: nats-server consumer.go `checkNewConsumerConfig`.
 */
export function checkConsumerUpdate(old: ConsumerConfig, given: ConsumerConfig, isBound: boolean): void {
  for (const [field, words] of FIXED_FIELDS) {
    if (old[field] !== given[field]) throw apiFault("ConsumerCreate", { err: `${words} can not be updated` });
  }
  if (old.deliver_subject !== given.deliver_subject) {
    if (old.deliver_subject === undefined) {
      throw apiFault("ConsumerCreate", { err: "can not update pull consumer to push based" });
    }
    if (given.deliver_subject === undefined) {
      throw apiFault("ConsumerCreate", { err: "can not update push consumer to pull based" });
    }
    if (isBound) throw apiFault("ConsumerNameExist");
  }
  if (old.max_waiting !== given.max_waiting) {
    throw apiFault("ConsumerCreate", { err: "max waiting can not be updated" });
  }
}

const FIXED_FIELDS: readonly (readonly [keyof ConsumerConfig, string])[] = [
  ["deliver_policy", "deliver policy"],
  ["opt_start_seq", "start sequence"],
  ["opt_start_time", "start time"],
  ["ack_policy", "ack policy"],
  ["replay_policy", "replay policy"],
  ["idle_heartbeat", "heart beats"],
  ["flow_control", "flow control"],
];
