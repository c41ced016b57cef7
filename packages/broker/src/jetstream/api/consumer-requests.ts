import { formatTimestamp, LIST_PAGE_LIMIT, NAMES_PAGE_LIMIT, ZERO_TIMESTAMP } from "@ganglion/protocol";
import type { Consumer } from "../consumer/consumer.js";
import { GROUP_NAME } from "../consumer/consumer-config-check.js";
import { startPosition } from "../consumer/deliver-policy.js";
import { pauseUntilUs } from "../consumer/pause.js";
import type { Stream } from "../stream/stream.js";
import { apiFault } from "./api-fault.js";
import { decodeCreateConsumer, time } from "./config-codecs.js";
import { consumerInfo } from "./info.js";
import { always, fields, integer, optional, text } from "./json.js";
import { decodePagedRequest, pageOf } from "./paging.js";
import {
  type ApiRequest,
  consumerName,
  decodeBody,
  decodeOptional,
  isEmptyRequest,
  type ResponseBody,
  streamName,
} from "./request.js";

/**
 * `CONSUMER.CREATE.S[.C[.filter]]` and `CONSUMER.DURABLE.CREATE.S.C`. The plain form makes ephemeral consumers
 * only, the durable form is the older way to name one.
 *
 * Source: nats-server jetstream_api.go `jsConsumerCreateRequest`.
 */
export type CreateForm = "plain" | "named" | "durable";

export async function createConsumer(request: ApiRequest, form: CreateForm): Promise<ResponseBody> {
  const { account, args } = request;
  const {
    stream_name: name,
    config: given,
    action,
    pedantic = false,
  } = decodeBody(request, decodeCreateConsumer);
  const inSubject = form === "plain" ? undefined : consumerName(request);
  if (streamName(request) !== name) throw apiFault("StreamMismatch");
  if (inSubject !== undefined && /[\\/]/.test(inSubject))
    throw apiFault("ConsumerNameContainsPathSeparators");
  const { durable_name: durable } = given;
  if (form === "durable" && durable === undefined) throw apiFault("ConsumerDurableNameNotSet");
  if (inSubject !== undefined && durable !== undefined && durable !== inSubject) {
    throw apiFault("ConsumerDurableNameNotMatchSubject");
  }
  if (form === "plain" && durable !== undefined) throw apiFault("ConsumerEphemeralWithDurableName");
  const filterInSubject = form === "named" ? args.slice(2).join(".") : "";
  if (filterInSubject !== "") {
    if (given.filter_subjects !== undefined) throw apiFault("ConsumerMultipleFiltersNotAllowed");
    if (given.filter_subject !== filterInSubject) throw apiFault("ConsumerCreateFilterSubjectMismatch");
  }
  if (given.num_replicas > 1) throw apiFault("StreamReplicasNotSupported");
  const stream = account.stream(name);
  const config = form === "named" ? { ...given, name: consumerName(request) } : given;
  const consumer = await account.consumers.create(stream, config, { action, pedantic });
  return consumerInfo(account, stream, consumer);
}

function findConsumer(request: ApiRequest): { stream: Stream; consumer: Consumer } {
  const stream = request.account.stream(streamName(request));
  const consumer = stream.consumers.get(consumerName(request));
  if (consumer === undefined) throw apiFault("ConsumerNotFound");
  return { stream, consumer };
}

/** `CONSUMER.INFO.S.C`. Source: nats-server jetstream_api.go `jsConsumerInfoRequest`. */
export function getConsumerInfo(request: ApiRequest): ResponseBody {
  if (!isEmptyRequest(request.payload)) throw apiFault("NotEmptyRequest");
  const { stream, consumer } = findConsumer(request);
  return consumerInfo(request.account, stream, consumer);
}

const decodePause = fields<{ readonly pause_until?: string }>({ pause_until: optional(time) });

/** `CONSUMER.PAUSE.S.C`. Without a time, or with one that has passed, the consumer goes on. Source: `jsConsumerPauseRequest`. */
export async function pauseConsumer(request: ApiRequest): Promise<ResponseBody> {
  const { pause_until: until } = decodeOptional(request, decodePause);
  const { stream, consumer } = findConsumer(request);
  const untilUs = until === undefined ? undefined : pauseUntilUs({ ...consumer.config, pause_until: until });
  const written = untilUs === undefined ? undefined : formatTimestamp(untilUs);
  await request.account.consumers.pause(stream, consumer, written);
  const { isActive, remainingUs } = consumer.pause;
  return {
    paused: isActive,
    pause_until: written ?? ZERO_TIMESTAMP,
    ...(isActive ? { pause_remaining: remainingUs * 1000 } : {}),
  };
}

const decodeUnpin = fields<{ readonly group: string }>({ group: always(text, "") });

/** `CONSUMER.UNPIN.S.C`. Source: nats-server jetstream_api.go `jsConsumerUnpinRequest`. */
export function unpinConsumer(request: ApiRequest): ResponseBody {
  const { group } = decodeBody(request, decodeUnpin);
  if (group === "") throw apiFault("InvalidJSON", { err: "consumer group not specified" });
  if (!GROUP_NAME.test(group)) throw apiFault("ConsumerInvalidGroupName");
  const { consumer } = findConsumer(request);
  if (!(consumer.config.priority_groups ?? []).includes(group))
    throw apiFault("ConsumerInvalidPriorityGroup");
  consumer.unpin();
  return {};
}

const decodeReset = fields<{ readonly seq?: number }>({ seq: optional(integer(0)) });

/**
 * `CONSUMER.RESET.S.C`: goes on at a sequence, or behind what is acknowledged.
 *
 * Source: nats-server consumer.go `resetStartingSeqLocked`.
 */
export async function resetConsumer(request: ApiRequest): Promise<ResponseBody> {
  const { seq } = decodeOptional(request, decodeReset);
  const { stream, consumer } = findConsumer(request);
  const sequence = seq ?? consumer.acks.ackFloor.stream + 1;
  if (seq !== undefined) checkReset(stream, consumer, seq);
  consumer.reset(sequence);
  if (stream.config.retention === "interest") stream.removeUnneeded();
  const { store } = consumer;
  if (store !== undefined) await new Promise<void>((resolve) => store.whenDurable(resolve));
  return { ...consumerInfo(request.account, stream, consumer), reset_seq: sequence };
}

function checkReset(stream: Stream, { config }: Consumer, sequence: number): void {
  const refuse = (reason: string) => apiFault("ConsumerInvalidReset", { err: reason });
  switch (config.deliver_policy) {
    case "all":
      return;
    case "by_start_sequence":
      if (sequence < (config.opt_start_seq ?? 0)) throw refuse("below start seq");
      return;
    case "by_start_time": {
      const first = startPosition(config, stream.store.messages, stream.config.max_msgs_per_subject);
      if (sequence < first.sequence) throw refuse("below start time");
      return;
    }
    default:
      throw refuse("not allowed");
  }
}

/** `CONSUMER.DELETE.S.C`. Source: nats-server jetstream_api.go `jsConsumerDeleteRequest`. */
export async function deleteConsumer(request: ApiRequest): Promise<ResponseBody> {
  if (!isEmptyRequest(request.payload)) throw apiFault("NotEmptyRequest");
  const { stream, consumer } = findConsumer(request);
  await request.account.consumers.delete(stream, consumer);
  return { success: true };
}

function consumersByName(stream: Stream): Consumer[] {
  return [...stream.publicConsumers].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `CONSUMER.NAMES.S`. Source: nats-server jetstream_api.go `jsConsumerNamesRequest`. */
export function listConsumerNames(request: ApiRequest): ResponseBody {
  const { offset = 0 } = decodeOptional(request, decodePagedRequest);
  const stream = request.account.stream(streamName(request));
  const { paging, items } = pageOf(consumersByName(stream), offset, NAMES_PAGE_LIMIT);
  return { ...paging, consumers: items.map((consumer) => consumer.name) };
}

/** `CONSUMER.LIST.S`. Source: nats-server jetstream_api.go `jsConsumerListRequest`. */
export function listConsumers(request: ApiRequest): ResponseBody {
  const { offset = 0 } = decodeOptional(request, decodePagedRequest);
  const stream = request.account.stream(streamName(request));
  const { paging, items } = pageOf(consumersByName(stream), offset, LIST_PAGE_LIMIT);
  return { ...paging, consumers: items.map((consumer) => consumerInfo(request.account, stream, consumer)) };
}
