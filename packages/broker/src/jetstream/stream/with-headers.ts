/** A message in one piece: header block, then payload. */
export interface FramedMessage {
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
}

/**
 * Returns a message with headers added behind its own. Values are trusted: they are made here.
 *
 * @param options - `dropPayload` leaves the header block only.
 */
export function withHeaders(
  message: FramedMessage,
  headers: readonly (readonly [string, string])[],
  options: { readonly dropPayload?: boolean } = {},
): FramedMessage {
  let lines = "";
  for (const [name, value] of headers) lines += `${name}: ${value}\r\n`;
  const { headerSizeBytes, data } = message;
  const own = headerSizeBytes > 0 ? data.subarray(0, headerSizeBytes - 2) : Buffer.from("NATS/1.0\r\n");
  const block = Buffer.concat([own, Buffer.from(`${lines}\r\n`)]);
  if (options.dropPayload === true) return { headerSizeBytes: block.length, data: block };
  return { headerSizeBytes: block.length, data: Buffer.concat([block, data.subarray(headerSizeBytes)]) };
}
