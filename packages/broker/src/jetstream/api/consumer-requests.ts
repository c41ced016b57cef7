import { LIST_PAGE_LIMIT, NAMES_PAGE_LIMIT } from "@ganglion/protocol";
import type { Consumer } from "../consumer/consumer.js";
import type { Stream } from "../stream/stream.js";
import { apiFault } from "./api-fault.js";
import { decodeCreateConsumer } from "./config-codecs.js";
import { consumerInfo } from "./info.js";
import { decodeJson } from "./json.js";
import { decodePagedRequest, pageOf } from "./paging.js";
import {
  type ApiRequest,
  consumerName,
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
  const { account, args, payload } = request;
  const { stream_name: name, config: given, action } = decodeJson(payload, decodeCreateConsumer);
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
  const consumer = await account.consumers.create(stream, config, action);
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

/** `CONSUMER.DELETE.S.C`. Source: nats-server jetstream_api.go `jsConsumerDeleteRequest`. */
export async function deleteConsumer(request: ApiRequest): Promise<ResponseBody> {
  if (!isEmptyRequest(request.payload)) throw apiFault("NotEmptyRequest");
  const { stream, consumer } = findConsumer(request);
  await request.account.consumers.delete(stream, consumer);
  return { success: true };
}

function consumersByName(stream: Stream): Consumer[] {
  return [...stream.consumers.consumers].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `CONSUMER.NAMES.S`. Source: nats-server jetstream_api.go `jsConsumerNamesRequest`. */
export function listConsumerNames(request: ApiRequest): ResponseBody {
  const { offset = 0 } = decodeOptional(request.payload, decodePagedRequest);
  const stream = request.account.stream(streamName(request));
  const { paging, items } = pageOf(consumersByName(stream), offset, NAMES_PAGE_LIMIT);
  return { ...paging, consumers: items.map((consumer) => consumer.name) };
}

/** `CONSUMER.LIST.S`. Source: nats-server jetstream_api.go `jsConsumerListRequest`. */
export function listConsumers(request: ApiRequest): ResponseBody {
  const { offset = 0 } = decodeOptional(request.payload, decodePagedRequest);
  const stream = request.account.stream(streamName(request));
  const { paging, items } = pageOf(consumersByName(stream), offset, LIST_PAGE_LIMIT);
  return { ...paging, consumers: items.map((consumer) => consumerInfo(request.account, stream, consumer)) };
}
