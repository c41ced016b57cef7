import { STATUS, type Status } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import type { JetStreamAccount } from "../account.js";
import { statusMessage } from "../consumer/delivery-target.js";
import type { Stream } from "../stream/stream.js";
import { withHeaders } from "../stream/with-headers.js";
import { decodeJson } from "./json.js";
import { getBatch, originHeaders, withoutHeaders } from "./many-get.js";
import { decodeDirectGet, findMessage, type MessageGetRequest } from "./message-requests.js";
import { getLastOfMany } from "./multi-get.js";

/** A direct get, taken off the wire. */
export interface DirectGet {
  readonly account: JetStreamAccount;
  /** `<stream>`, then the tokens of a subject or nothing. */
  readonly args: readonly string[];
  readonly payload: string;
  readonly reply: string;
}

/**
 * `DIRECT.GET.S[.subject]`: answers with the message itself, with several, or with a status.
 *
 * Source: ADR-31; nats-server stream.go `processDirectGetRequest`, `getDirectRequest`.
 */
export function directGet(request: DirectGet): void {
  const { account, args, payload, reply } = request;
  const [name = "", ...subjectTokens] = args;
  const stream = account.directStream(name);
  const refuse = (status: Status) => void account.bus.publish(statusMessage(reply, status));
  if (stream === undefined) {
    refuse(STATUS.noResponders);
    return;
  }
  const wanted = subjectTokens.length > 0 ? bySubject(subjectTokens, payload) : byRequest(payload);
  if ("status" in wanted) refuse(wanted.status);
  else if (wanted.request.multi_last !== undefined || (wanted.request.batch ?? 0) > 0) {
    const { lastSequence } = stream.store.messages.state();
    stream.whenDurable(lastSequence, () => {
      const get = { account, stream, reply, wanted: wanted.request };
      if (wanted.request.multi_last === undefined) getBatch(get);
      else getLastOfMany(get);
    });
  } else {
    const message = findMessage(stream, wanted.request);
    if (message === undefined) refuse(STATUS.messageNotFound);
    else
      stream.whenDurable(message.sequence, () =>
        answer(request, stream, { message, wanted: wanted.request }),
      );
  }
}

type Wanted = { readonly request: MessageGetRequest } | { readonly status: Status };

function bySubject(tokens: readonly string[], payload: string): Wanted {
  const request = payload === "" ? {} : tryDecode(payload);
  if (request === undefined) return { status: STATUS.malformedRequest };
  const { no_hdr: noHeaders, max_bytes: _, ...others } = request;
  if (Object.keys(others).length > 0) return { status: STATUS.badRequest };
  return {
    request: { last_by_subj: tokens.join("."), ...(noHeaders === undefined ? {} : { no_hdr: noHeaders }) },
  };
}

function byRequest(payload: string): Wanted {
  if (payload === "") return { status: STATUS.emptyRequest };
  const request = tryDecode(payload);
  if (request === undefined) return { status: STATUS.malformedRequest };
  const { seq, last_by_subj: last, next_by_subj: next, multi_last: multi, start_time: time } = request;
  if ([seq, last, next, multi, time].every((field) => field === undefined))
    return { status: STATUS.emptyRequest };
  const conflicts = [
    [seq, last],
    [seq, time],
    [time, last],
    [last, next],
    [last, request.batch],
    [last, multi],
    [next, multi],
    [request.up_to_seq, request.up_to_time],
  ];
  const isConflict = conflicts.some(([a, b]) => a !== undefined && b !== undefined);
  return isConflict ? { status: STATUS.badRequest } : { request };
}

function tryDecode(payload: string): MessageGetRequest | undefined {
  try {
    return decodeJson(payload, decodeDirectGet);
  } catch {
    return undefined;
  }
}

function answer(
  { account, reply }: DirectGet,
  stream: Stream,
  { message, wanted }: { message: StoredMessage; wanted: MessageGetRequest },
): void {
  const framed =
    wanted.no_hdr === true ? withoutHeaders(message) : withHeaders(message, originHeaders(stream, message));
  account.bus.publish({ subject: reply, ...framed });
}
