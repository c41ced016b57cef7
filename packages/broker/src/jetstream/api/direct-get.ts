import { formatTimestamp, JETSTREAM_HEADERS, STATUS, type Status } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import type { JetStreamAccount } from "../account.js";
import { statusMessage } from "../consumer/delivery-target.js";
import type { Stream } from "../stream/stream.js";
import { withHeaders } from "../stream/with-headers.js";
import { decodeJson } from "./json.js";
import { decodeMessageGet, findMessage, type MessageGetRequest } from "./message-requests.js";

/** A direct get, taken off the wire. */
export interface DirectGet {
  readonly account: JetStreamAccount;
  /** `<stream>`, then the tokens of a subject or nothing. */
  readonly args: readonly string[];
  readonly payload: string;
  readonly reply: string;
}

/**
 * `DIRECT.GET.S[.subject]`: answers with the message itself, or a status.
 *
 * Source: nats-server stream.go `processDirectGetRequest`, `getDirectRequest`.
 */
export function directGet(request: DirectGet): void {
  const { account, args, payload, reply } = request;
  const [name = "", ...subjectTokens] = args;
  const stream = account.findStream(name);
  const refuse = (status: Status) => void account.bus.publish(statusMessage(reply, status));
  if (stream === undefined || !stream.config.allow_direct) {
    refuse(STATUS.noResponders);
    return;
  }
  const wanted = subjectTokens.length > 0 ? bySubject(subjectTokens, payload) : byRequest(payload);
  if ("status" in wanted) {
    refuse(wanted.status);
    return;
  }
  const message = findMessage(stream, wanted.request);
  if (message === undefined) refuse(STATUS.messageNotFound);
  else answer(request, stream, message);
}

type Wanted = { readonly request: MessageGetRequest } | { readonly status: Status };

function bySubject(tokens: readonly string[], payload: string): Wanted {
  if (payload !== "") return { status: STATUS.badRequest };
  return { request: { last_by_subj: tokens.join(".") } };
}

function byRequest(payload: string): Wanted {
  if (payload === "") return { status: STATUS.emptyRequest };
  let request: MessageGetRequest;
  try {
    request = decodeJson(payload, decodeMessageGet);
  } catch {
    return { status: STATUS.malformedRequest };
  }
  const { seq, last_by_subj: last, next_by_subj: next } = request;
  if (seq === undefined && last === undefined && next === undefined) return { status: STATUS.emptyRequest };
  if (last !== undefined && (seq !== undefined || next !== undefined)) return { status: STATUS.badRequest };
  return { request };
}

function answer({ account, reply }: DirectGet, stream: Stream, message: StoredMessage): void {
  const framed = withHeaders(message, [
    [JETSTREAM_HEADERS.stream, stream.name],
    [JETSTREAM_HEADERS.subject, message.subject],
    [JETSTREAM_HEADERS.sequence, String(message.sequence)],
    [JETSTREAM_HEADERS.timeStamp, formatTimestamp(message.timestampUs)],
  ]);
  stream.whenDurable(message.sequence, () => void account.bus.publish({ subject: reply, ...framed }));
}
