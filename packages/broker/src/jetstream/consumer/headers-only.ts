import { JETSTREAM_HEADERS } from "@ganglion/protocol";
import type { StoredMessage } from "@ganglion/store";
import { type FramedMessage, withHeaders } from "../stream/with-headers.js";

/** A message without its payload; a header tells how large that was. Source: consumer.go `convertToHeadersOnly`. */
export function headersOnly(message: StoredMessage): FramedMessage {
  const payloadSizeBytes = message.data.length - message.headerSizeBytes;
  return withHeaders(message, [[JETSTREAM_HEADERS.messageSize, String(payloadSizeBytes)]], {
    dropPayload: true,
  });
}
