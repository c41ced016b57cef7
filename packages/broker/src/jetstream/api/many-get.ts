import { formatTimestamp, JETSTREAM_HEADERS, parseTimestamp, STATUS } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import type { JetStreamAccount } from "../account.js";
import { statusMessage } from "../consumer/delivery-target.js";
import { nextReadable } from "../stream/readable.js";
import type { Stream } from "../stream/stream.js";
import { type FramedMessage, withHeaders } from "../stream/with-headers.js";
import type { MessageGetRequest } from "./message-requests.js";

/** Bytes one request is answered with at most, unless it says so. Source: nats-server const.go `MAX_PENDING_SIZE`. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Headers that tell where a message comes from. */
export function originHeaders(stream: Stream, message: StoredMessage): (readonly [string, string])[] {
  return [
    [JETSTREAM_HEADERS.stream, stream.name],
    [JETSTREAM_HEADERS.subject, message.subject],
    [JETSTREAM_HEADERS.sequence, String(message.sequence)],
    [JETSTREAM_HEADERS.timeStamp, formatTimestamp(message.timestampUs)],
  ];
}

/** Several messages that are asked for at once. */
export interface ManyGet {
  readonly account: JetStreamAccount;
  readonly stream: Stream;
  readonly reply: string;
  readonly wanted: MessageGetRequest;
}

/** What is sent with a message of several. */
export interface Progress {
  /** Messages that are still to come. */
  readonly pending: number;
  /** Sequence of the message sent before. */
  readonly lastSequence: number;
}

/** Sends one of several messages. @returns its size, as `max_bytes` counts it. */
export function sendOne(
  { account, stream, reply, wanted }: ManyGet,
  message: StoredMessage,
  at: Progress,
): number {
  const framed =
    wanted.no_hdr === true
      ? withoutHeaders(message)
      : withHeaders(message, [
          ...originHeaders(stream, message),
          [JETSTREAM_HEADERS.numPending, String(at.pending)],
          [JETSTREAM_HEADERS.lastSequence, String(at.lastSequence)],
        ]);
  account.bus.publish({ subject: reply, ...framed });
  return message.subject.length + message.data.length;
}

/** Says that all that is sent was sent. */
export function sendEnd({ account, reply }: ManyGet, at: Progress, upToSequence?: number): void {
  const headers = [
    [JETSTREAM_HEADERS.numPending, String(at.pending)],
    [JETSTREAM_HEADERS.lastSequence, String(at.lastSequence)],
    ...(upToSequence === undefined ? [] : [[JETSTREAM_HEADERS.upToSequence, String(upToSequence)]]),
  ] as [string, string][];
  account.bus.publish(statusMessage(reply, STATUS.endOfBatch, { headers }));
}

/** Sends messages one after the other, from a sequence or time on. */
export function getBatch(get: ManyGet): void {
  const { stream, wanted, account, reply } = get;
  const { messages } = stream.store;
  const { batch = 0, next_by_subj: filter, start_time: time } = wanted;
  const maxBytes = wanted.max_bytes ?? DEFAULT_MAX_BYTES;
  const filters = filter === undefined || filter === ">" ? undefined : [filter];
  let from = time === undefined ? (wanted.seq ?? 0) : messages.sequenceAt(parseTimestamp(time) ?? 0);
  let pending = messages.count(from, filters);
  let lastSequence = 0;
  let sentBytes = 0;
  for (let sent = 0; sent < batch && sentBytes < maxBytes; sent++) {
    const message = nextReadable(messages, from, filters);
    if (message === undefined && sent === 0) {
      account.bus.publish(statusMessage(reply, STATUS.messageNotFound));
      return;
    }
    if (message === undefined) break;
    pending = Math.max(0, pending - 1);
    sentBytes += sendOne(get, message, { pending, lastSequence });
    lastSequence = message.sequence;
    from = message.sequence + 1;
  }
  sendEnd(get, { pending, lastSequence });
}

/** The payload alone. */
export function withoutHeaders({ data, headerSizeBytes }: FramedMessage): FramedMessage {
  return { headerSizeBytes: 0, data: data.subarray(headerSizeBytes) };
}
