import {
  type AccountInfo,
  type AccountLimits,
  type AccountTier,
  type ConsumerInfo,
  formatTimestamp,
  type SequenceInfo,
  type StreamInfo,
  type StreamStateInfo,
  ZERO_TIMESTAMP,
} from "@ganglion/protocol";
import type { SequencePair } from "@ganglion/store";
import type { JetStreamAccount } from "../account.js";
import { storageUse } from "../account-limits.js";
import type { Consumer } from "../consumer/consumer.js";
import type { Stream } from "../stream/stream.js";
import { describedConsumerConfig, describedStreamConfig } from "./version-metadata.js";

/** How many deleted sequences an info names at most, as many as fit into a message. */
const MAX_DELETED_DETAILS = 100_000;

/** What an info may tell beside the usual. */
export interface StreamInfoOptions {
  readonly deletedDetails?: boolean;
  readonly subjects?: Readonly<Record<string, number>>;
}

/** Describes a stream. */
export function streamInfo(
  account: JetStreamAccount,
  stream: Stream,
  options: StreamInfoOptions = {},
): StreamInfo {
  return {
    config: describedStreamConfig(stream.config),
    created: formatTimestamp(stream.createdUs),
    state: streamState(stream, options),
    ...(account.domain === undefined ? {} : { domain: account.domain }),
    ...copiesInfo(stream),
    ts: formatTimestamp(account.clock.nowUs()),
  };
}

function copiesInfo({ copies }: Stream): Pick<StreamInfo, "mirror" | "sources"> {
  const mirror = copies.mirrorInfo();
  const sources = copies.sourcesInfo();
  return {
    ...(mirror === undefined ? {} : { mirror }),
    ...(sources.length === 0 ? {} : { sources }),
  };
}

/** Describes what a stream holds. */
export function streamState(stream: Stream, options: StreamInfoOptions): StreamStateInfo {
  const maxDeleted = options.deletedDetails === true ? MAX_DELETED_DETAILS : 0;
  const state = stream.store.messages.state({ maxDeleted });
  const time = (timestampUs: number) => (timestampUs === 0 ? ZERO_TIMESTAMP : formatTimestamp(timestampUs));
  const lost = state.lost.flatMap(({ firstSequence, lastSequence }) => range(firstSequence, lastSequence));
  return {
    messages: state.messages,
    bytes: state.bytes,
    // A stream that never held a message has no first sequence, unless it starts later than others.
    first_seq: state.lastSequence === 0 ? 0 : state.firstSequence,
    first_ts: state.messages === 0 ? ZERO_TIMESTAMP : time(state.firstTimestampUs),
    last_seq: state.lastSequence,
    last_ts: time(state.lastTimestampUs),
    ...(state.subjectCount === 0 ? {} : { num_subjects: state.subjectCount }),
    ...(options.subjects === undefined ? {} : { subjects: options.subjects }),
    ...(state.deletedCount === 0 ? {} : { num_deleted: state.deletedCount }),
    ...(state.deleted.length === 0 ? {} : { deleted: state.deleted }),
    ...(lost.length === 0 ? {} : { lost: { msgs: lost, bytes: 0 } }),
    consumer_count: stream.publicConsumers.length,
  };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Describes a consumer. */
export function consumerInfo(account: JetStreamAccount, stream: Stream, consumer: Consumer): ConsumerInfo {
  const waiting = consumer.countWaiting();
  const bound = consumer.isPushBound;
  return {
    stream_name: stream.name,
    name: consumer.name,
    created: formatTimestamp(consumer.createdUs),
    config: describedConsumerConfig(consumer.config),
    delivered: sequenceInfo(consumer.acks.delivered, consumer.lastDeliveredUs),
    ack_floor: sequenceInfo(consumer.acks.ackFloor, consumer.lastAckedUs),
    num_ack_pending: consumer.acks.pending.size,
    num_redelivered: consumer.acks.redeliveredCount,
    num_waiting: waiting,
    num_pending: consumer.cursor.pendingCount,
    ...(bound === true ? { push_bound: true } : {}),
    ...(consumer.pause.isActive ? { paused: true, pause_remaining: consumer.pause.remainingUs * 1000 } : {}),
    ...priorityGroups(consumer),
    ts: formatTimestamp(account.clock.nowUs()),
  };
}

/** One client is pinned in the first group. Source: nats-server consumer.go `infoWithSnapAndReply`. */
function priorityGroups({ config, pinned }: Consumer): Pick<ConsumerInfo, "priority_groups"> {
  const [group] = config.priority_groups ?? [];
  if (group === undefined) return {};
  const { id, sinceUs } = pinned;
  const pinned_ts = sinceUs === undefined ? ZERO_TIMESTAMP : formatTimestamp(sinceUs);
  return { priority_groups: [{ group, ...(id === undefined ? {} : { pinned_client_id: id }), pinned_ts }] };
}

function sequenceInfo(pair: SequencePair, lastUs: number | undefined): SequenceInfo {
  return {
    consumer_seq: pair.consumer,
    stream_seq: pair.stream,
    ...(lastUs === undefined ? {} : { last_active: formatTimestamp(lastUs) }),
  };
}

const ZERO_LIMITS: AccountLimits = {
  max_memory: 0,
  max_storage: 0,
  max_streams: 0,
  max_consumers: 0,
  max_ack_pending: 0,
  memory_max_stream_bytes: 0,
  storage_max_stream_bytes: 0,
  max_bytes_required: false,
};

/** With tiers the limits are those of a tier each, and the account has none beside. */
function limitsInfo(account: JetStreamAccount): Pick<AccountInfo, "limits" | "tiers"> {
  const { tier, limits } = account;
  if (tier === undefined) return { limits };
  return { limits: ZERO_LIMITS, tiers: { [tier]: { ...useInfo(account), limits } } };
}

function useInfo(account: JetStreamAccount): Omit<AccountTier, "limits"> {
  const file = storageUse(account.streams, "file");
  const memory = storageUse(account.streams, "memory");
  return {
    memory: memory.usedBytes,
    storage: file.usedBytes,
    reserved_memory: memory.reservedBytes,
    reserved_storage: file.reservedBytes,
    streams: account.streamCount,
    consumers: account.consumers.size,
  };
}

/** Describes what an account uses. */
export function accountInfo(account: JetStreamAccount, api: AccountInfo["api"]): AccountInfo {
  return {
    ...useInfo(account),
    ...limitsInfo(account),
    ...(account.domain === undefined ? {} : { domain: account.domain }),
    api,
  };
}
