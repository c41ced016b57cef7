import { deflateRawSync, inflateRawSync } from "node:zlib";

/*
 * The data of a compressed record:
 *
 *    0         4
 *    +---------+-------------------------------------+
 *    | size    | headers and payload, raw deflate    |
 *    | u32     |                                     |
 *    +---------+-------------------------------------+
 */

const SIZE_BYTES = 4;
/** Smaller data hardly shrinks. */
const SMALLEST_BYTES = 128;
/** The quickest of all levels: publishers wait for it. */
const LEVEL = 1;

/** Compresses the data of a message. @returns undefined when that would save nothing. */
export function compress(data: Uint8Array): Buffer | undefined {
  if (data.length < SMALLEST_BYTES) return undefined;
  const deflated = deflateRawSync(data, { level: LEVEL });
  if (deflated.length + SIZE_BYTES >= data.length) return undefined;
  const compressed = Buffer.allocUnsafe(SIZE_BYTES + deflated.length);
  compressed.writeUInt32LE(data.length, 0);
  deflated.copy(compressed, SIZE_BYTES);
  return compressed;
}

/** Size of the data before it was compressed. */
export function uncompressedSizeBytes(compressed: Buffer): number {
  return compressed.length < SIZE_BYTES ? 0 : compressed.readUInt32LE(0);
}

/** Gives the data of a message back. @throws the library's error when it is none. */
export function decompress(compressed: Buffer): Buffer {
  const maxOutputLength = Math.max(1, uncompressedSizeBytes(compressed));
  return inflateRawSync(compressed.subarray(SIZE_BYTES), { maxOutputLength });
}
