import { formatTimestamp, parseTimestamp, type StoredMessageInfo } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import type { Stream } from "../stream/stream.js";
import { apiFault } from "./api-fault.js";
import { time } from "./config-codecs.js";
import { always, bool, fields, integer, list, openFields, optional, text } from "./json.js";
import { type ApiRequest, decodeBody, isEmptyRequest, type ResponseBody, streamName } from "./request.js";

/** Which message a request asks for. Source: nats-server jetstream_api.go `JSApiMsgGetRequest`. */
export interface MessageGetRequest {
  readonly seq?: number;
  readonly last_by_subj?: string;
  readonly next_by_subj?: string;
  /** How many messages; only of a direct get, as what follows. */
  readonly batch?: number;
  readonly max_bytes?: number;
  readonly start_time?: string;
  readonly multi_last?: readonly string[];
  readonly up_to_seq?: number;
  readonly up_to_time?: string;
  readonly no_hdr?: boolean;
}

const MESSAGE_GET = {
  seq: optional(integer(0)),
  last_by_subj: optional(text),
  next_by_subj: optional(text),
  batch: optional(integer()),
  max_bytes: optional(integer()),
  start_time: optional(time),
  multi_last: optional(list(text)),
  up_to_seq: optional(integer(0)),
  up_to_time: optional(time),
  no_hdr: optional(bool),
};

const decodeMessageGet = fields<MessageGetRequest>(MESSAGE_GET);

/** A direct get passes over what it does not know. */
export const decodeDirectGet = openFields<MessageGetRequest>(MESSAGE_GET);

/** The message a request asks for; one that cannot be read counts as missing. */
export function findMessage(stream: Stream, wanted: MessageGetRequest): StoredMessage | undefined {
  const { messages } = stream.store;
  try {
    const { start_time: startTime, next_by_subj: next } = wanted;
    const from = startTime === undefined ? wanted.seq : messages.sequenceAt(parseTimestamp(startTime) ?? 0);
    if (next !== undefined) return messages.next(from ?? 0, [next]);
    if (wanted.last_by_subj !== undefined) return messages.last(wanted.last_by_subj);
    return messages.read(from ?? 0);
  } catch {
    return undefined;
  }
}

/** `STREAM.MSG.GET.S`. Source: nats-server jetstream_api.go `jsMsgGetRequest`. */
export async function getMessage(request: ApiRequest): Promise<ResponseBody> {
  const { account, payload } = request;
  if (isEmptyRequest(payload)) throw apiFault("BadRequest");
  const wanted = decodeBody(request, decodeMessageGet);
  const { seq, last_by_subj: last, next_by_subj: next, start_time: startTime } = wanted;
  const isManyGet = [wanted.batch, wanted.max_bytes].some((field) => field !== undefined);
  if (isManyGet || (startTime !== undefined && (seq !== undefined || last !== undefined)))
    throw apiFault("BadRequest");
  if (last !== undefined && (seq !== undefined || next !== undefined)) throw apiFault("BadRequest");
  if (seq === undefined && last === undefined && next === undefined && startTime === undefined)
    throw apiFault("BadRequest");
  const stream = account.stream(streamName(request));
  const message = findMessage(stream, wanted);
  if (message === undefined) throw apiFault("NoMessageFound");
  await new Promise<void>((resolve) => stream.whenDurable(message.sequence, resolve));
  return { message: storedMessageInfo(message) };
}

function storedMessageInfo({
  subject,
  sequence,
  timestampUs,
  headerSizeBytes,
  data,
}: StoredMessage): StoredMessageInfo {
  const base64 = (bytes: Uint8Array) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  return {
    subject,
    seq: sequence,
    ...(headerSizeBytes === 0 ? {} : { hdrs: base64(data.subarray(0, headerSizeBytes)) }),
    ...(data.length === headerSizeBytes ? {} : { data: base64(data.subarray(headerSizeBytes)) }),
    time: formatTimestamp(timestampUs),
  };
}

interface MessageDeleteRequest {
  readonly seq: number;
  readonly no_erase?: boolean;
}

const decodeMessageDelete = fields<MessageDeleteRequest>({
  seq: always(integer(0), 0),
  no_erase: optional(bool),
});

/** `STREAM.MSG.DELETE.S`. Source: nats-server jetstream_api.go `jsMsgDeleteRequest`. */
export async function deleteMessage(request: ApiRequest): Promise<ResponseBody> {
  const { account, payload } = request;
  if (isEmptyRequest(payload)) throw apiFault("BadRequest");
  const { seq, no_erase: noErase } = decodeBody(request, decodeMessageDelete);
  const stream = account.stream(streamName(request));
  if (stream.config.sealed) throw apiFault("StreamSealed");
  if (stream.config.deny_delete) {
    throw apiFault("StreamMsgDeleteFailed", { err: "message delete not permitted" });
  }
  const { messages } = stream.store;
  // A file store of nats-server tells that it ends before the message, or begins behind it.
  if (stream.config.storage === "file" && seq > messages.state().lastSequence) {
    throw apiFault("StreamMsgDeleteFailed", { err: "stream store EOF" });
  }
  if (stream.config.storage === "file" && seq < messages.state().firstSequence) {
    throw apiFault("StreamMsgDeleteFailed", { err: "no message found" });
  }
  if (!messages.remove(seq, { erase: noErase !== true })) throw apiFault("SequenceNotFound", { seq });
  await messages.flush();
  return { success: true };
}
