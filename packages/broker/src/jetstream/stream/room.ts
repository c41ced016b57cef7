import { type ApiError, apiError, STREAM_DEFAULTS, type StreamConfig } from "@ganglion/protocol";
import { accountedSizeBytes, type MessageStore } from "@ganglion/store";
import type { FramedMessage } from "./with-headers.js";

/** Why a message does not fit, in nats-server's words. Source: store.go `ErrMaxMsgs` and neighbours. */
const FULL = {
  messages: "maximum messages exceeded",
  bytes: "maximum bytes exceeded",
  messagesPerSubject: "maximum messages per subject exceeded",
} as const;

/** A message that asks for room. */
export interface RoomRequest extends FramedMessage {
  readonly subject: string;
  /** It replaces older messages. */
  readonly rollsUp: boolean;
}

/** What goes in before a message: others of its batch. */
export interface TakenRoom {
  readonly messages: number;
  readonly bytes: number;
}

const NOTHING_TAKEN: TakenRoom = { messages: 0, bytes: 0 };

/** Whether a message is larger than its stream takes. */
export function sizeRefusal(
  { headerSizeBytes, data }: FramedMessage,
  { max_msg_size: maxSizeBytes }: StreamConfig,
): ApiError | undefined {
  if (maxSizeBytes >= 0 && data.length > maxSizeBytes) return apiError("StreamMessageExceedsMaximum");
  return headerSizeBytes > STREAM_DEFAULTS.maxHeaderSizeBytes
    ? apiError("StreamHeaderExceedsMaximum")
    : undefined;
}

/** Size of a message as limits count it. */
export function roomOf({
  subject,
  headerSizeBytes,
  data,
}: FramedMessage & { readonly subject: string }): number {
  return accountedSizeBytes(Buffer.byteLength(subject), headerSizeBytes, data.length);
}

/** Whether a stream that discards new messages is full. What a rollup displaces is gone right after. */
export function fullRefusal(
  messages: MessageStore,
  config: StreamConfig,
  { request, taken = NOTHING_TAKEN }: { readonly request: RoomRequest; readonly taken?: TakenRoom },
): ApiError | undefined {
  if (config.discard !== "new" || request.rollsUp) return undefined;
  const reason = fullReason(messages, config, { request, taken });
  return reason === undefined ? undefined : apiError("StreamStoreFailed", { err: reason });
}

/**
 * A message that displaces one of its subject that is as large needs no further place. Source: nats-server
 * filestore.go `storeRawMsg`.
 */
function fullReason(
  messages: MessageStore,
  config: StreamConfig,
  { request, taken }: { readonly request: RoomRequest; readonly taken: TakenRoom },
): string | undefined {
  const { max_msgs, max_bytes, max_msgs_per_subject: perSubject } = config;
  const [held] = perSubject > 0 ? messages.subjects(request.subject) : [];
  const displaces = held !== undefined && held.count >= perSubject;
  if (displaces && config.discard_new_per_subject === true) return FULL.messagesPerSubject;
  const state = messages.state();
  if (max_msgs > 0 && state.messages + taken.messages >= max_msgs && !displaces) return FULL.messages;
  const sizeBytes = roomOf(request);
  if (max_bytes <= 0 || state.bytes + taken.bytes + sizeBytes <= max_bytes) return undefined;
  return displaces && storedRoomOf(messages, held.firstSequence) >= sizeBytes ? undefined : FULL.bytes;
}

function storedRoomOf(messages: MessageStore, sequence: number): number {
  try {
    const message = messages.read(sequence);
    return message === undefined ? 0 : roomOf(message);
  } catch {
    return 0; // its bytes are damaged; the store reports it
  }
}
