import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/** Every code this package throws, with what it means. */
export const STORE_ERRORS = {
  STORE_CLOSED: "The store was closed.",
  STORE_UNAVAILABLE: "Writing to the disk failed; the store takes nothing in until writing works again.",
  STORE_LOCKED: "Another process uses the same store directory.",
  STORE_NOT_FOUND: "The directory holds no store.",
  STORE_FORMAT: "The store directory was written in a format this version does not read.",
  RECORD_CORRUPT: "The bytes of a stored message do not match their checksum.",
  RECORD_TOO_LARGE: "A message is larger than a record of the log can hold.",
  SEQUENCE_USED: "A message was given a sequence that is not above the last one.",
  STREAM_EXISTS: "A stream of this name exists already.",
  STREAM_NOT_FOUND: "No stream of this name is stored.",
  STREAM_OPEN: "The stream is open already.",
  CONSUMER_NOT_FOUND: "No consumer of this name is stored.",
} as const satisfies Readonly<Record<string, string>>;

/** A code of {@link STORE_ERRORS}. */
export type StoreErrorCode = keyof typeof STORE_ERRORS;

/** Creates an error of this package. `STORE_UNAVAILABLE` is the one that may succeed when tried again. */
export function storeError(
  code: StoreErrorCode,
  message: string,
  options: Omit<GanglionErrorOptions, "retryable"> = {},
): GanglionError<StoreErrorCode> {
  return new GanglionError(code, message, { ...options, retryable: code === "STORE_UNAVAILABLE" });
}
