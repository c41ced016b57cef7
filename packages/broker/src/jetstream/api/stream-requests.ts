import { LIST_PAGE_LIMIT, NAMES_PAGE_LIMIT, SUBJECT_DETAILS_LIMIT } from "@ganglion/protocol";
import type { PurgeOptions } from "@ganglion/store";
import type { Stream } from "../stream/stream.js";
import { ApiFault, apiFault, invalidStreamConfig } from "./api-fault.js";
import { decodeStreamRequest } from "./config-codecs.js";
import { streamInfo } from "./info.js";
import { always, bool, fields, integer, optional, text } from "./json.js";
import { decodePagedRequest, pageOf } from "./paging.js";
import {
  type ApiRequest,
  decodeBody,
  decodeOptional,
  isEmptyRequest,
  type ResponseBody,
  streamName,
} from "./request.js";

/** `STREAM.CREATE.S`. Source: nats-server jetstream_api.go `jsStreamCreateRequest`. */
export async function createStream(request: ApiRequest): Promise<ResponseBody> {
  const { account } = request;
  const { pedantic, ...config } = decodeBody(request, decodeStreamRequest);
  if (streamName(request) !== config.name) throw apiFault("StreamMismatch");
  if (/[\\/]/.test(config.name)) throw apiFault("StreamNameContainsPathSeparators");
  if (config.sealed) throw invalidStreamConfig("stream configuration for create can not be sealed");
  if (config.mirror_direct && config.mirror === undefined) {
    throw invalidStreamConfig("stream has no mirror but does have mirror direct");
  }
  const stream = await account.createStream(config, pedantic);
  return { ...streamInfo(account, stream), did_create: true };
}

/** `STREAM.UPDATE.S`. Source: nats-server jetstream_api.go `jsStreamUpdateRequest`. */
export async function updateStream(request: ApiRequest): Promise<ResponseBody> {
  const { account } = request;
  const { pedantic, ...given } = decodeBody(request, decodeStreamRequest);
  const config = account.checkConfig(given, pedantic);
  if (streamName(request) !== config.name) throw apiFault("StreamMismatch");
  const stream = await account.updateStream(config);
  return streamInfo(account, stream);
}

interface InfoRequest {
  readonly offset: number;
  readonly deleted_details?: boolean;
  readonly subjects_filter?: string;
}

const decodeInfoRequest = fields<InfoRequest>({
  offset: always(integer(), 0),
  deleted_details: optional(bool),
  subjects_filter: optional(text),
});

/** `STREAM.INFO.S`. Source: nats-server jetstream_api.go `jsStreamInfoRequest`. */
export function getStreamInfo(request: ApiRequest): ResponseBody {
  const { account } = request;
  const wanted = decodeOptional(request, decodeInfoRequest);
  const stream = account.stream(streamName(request));
  const deletedDetails = wanted.deleted_details === true;
  const listing = subjectListing(stream, wanted.subjects_filter, wanted.offset ?? 0);
  if (listing === undefined) {
    return { total: 0, offset: 0, limit: 0, ...streamInfo(account, stream, { deletedDetails }) };
  }
  const { paging, subjects } = listing;
  const details = subjects === undefined ? { deletedDetails } : { deletedDetails, subjects };
  return { ...paging, ...streamInfo(account, stream, details) };
}

function subjectListing(stream: Stream, filter: string | undefined, offset: number) {
  if (filter === undefined) return undefined;
  const found = [...stream.store.messages.subjects(filter)];
  if (found.length === 0) return undefined;
  found.sort((a, b) => (a.subject < b.subject ? -1 : 1));
  const { paging, items } = pageOf(found, offset, SUBJECT_DETAILS_LIMIT);
  if (items.length === 0) return { paging, subjects: undefined };
  return { paging, subjects: Object.fromEntries(items.map(({ subject, count }) => [subject, count])) };
}

/** `STREAM.DELETE.S`. Source: nats-server jetstream_api.go `jsStreamDeleteRequest`. */
export async function deleteStream(request: ApiRequest): Promise<ResponseBody> {
  const { account } = request;
  if (!isEmptyRequest(request.payload)) throw apiFault("NotEmptyRequest");
  await account.deleteStream(account.stream(streamName(request)));
  return { success: true };
}

interface PurgeRequest {
  readonly seq?: number;
  readonly filter?: string;
  readonly keep?: number;
}

const decodePurgeRequest = fields<PurgeRequest>({
  seq: optional(integer(0)),
  filter: optional(text),
  keep: optional(integer(0)),
});

/** `STREAM.PURGE.S`. Source: nats-server jetstream_api.go `jsStreamPurgeRequest`. */
export async function purgeStream(request: ApiRequest): Promise<ResponseBody> {
  const { account } = request;
  const { seq, filter, keep } = decodeOptional(request, decodePurgeRequest);
  if (seq !== undefined && keep !== undefined) throw apiFault("BadRequest");
  const stream = account.stream(streamName(request));
  if (stream.config.sealed) throw apiFault("StreamSealed");
  if (stream.config.deny_purge) throw apiFault("StreamPurgeFailed", { err: "stream purge not permitted" });
  const options: PurgeOptions = {
    ...(filter === undefined ? {} : { filter }),
    ...(seq === undefined ? {} : { beforeSequence: seq }),
    ...(keep === undefined ? {} : { keep }),
  };
  try {
    const purged = stream.purge(options);
    await stream.store.messages.flush();
    return { success: true, purged };
  } catch (error) {
    if (error instanceof ApiFault) throw error;
    throw apiFault("StreamGeneral", { err: error instanceof Error ? error.message : String(error) });
  }
}

/** `STREAM.NAMES`. Source: nats-server jetstream_api.go `jsStreamNamesRequest`. */
export function listStreamNames(request: ApiRequest): ResponseBody {
  const { account } = request;
  const { offset = 0, subject } = decodeOptional(request, decodePagedRequest);
  const { paging, items } = pageOf(account.streamsMatching(subject), offset, NAMES_PAGE_LIMIT);
  const names = items.map((stream) => stream.name);
  // Go writes a list that was never filled as null.
  return { ...paging, streams: names.length === 0 ? null : names };
}

/** `STREAM.LIST`. Source: nats-server jetstream_api.go `jsStreamListRequest`. */
export function listStreams(request: ApiRequest): ResponseBody {
  const { account } = request;
  const { offset = 0, subject } = decodeOptional(request, decodePagedRequest);
  const { paging, items } = pageOf(account.streamsMatching(subject), offset, LIST_PAGE_LIMIT);
  return { ...paging, streams: items.map((stream) => streamInfo(account, stream)) };
}
