import { decodeLogHeader, LOG_HEADER_BYTES } from "./log-header.js";
import type { RecordCodec } from "./record-codec.js";
import type { Segment } from "./segment.js";

/** Bytes that are read and verified at a time: about a millisecond of work. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads a sealed segment from its file, piece by piece, and verifies every byte that counts.
 *
 * @param isCurrent - false once the segment was removed or rewritten: then there is nothing to check any more.
 * @returns whether the segment is intact. Yields the size of each piece, in bytes.
 */
export function* checkSegment(
  segment: Segment,
  codec: RecordCodec,
  isCurrent: () => boolean,
): Generator<number, boolean> {
  try {
    if (decodeLogHeader(segment.readFile(0, LOG_HEADER_BYTES), segment.path) === undefined) return false;
    for (let position = LOG_HEADER_BYTES; position < segment.committedEnd && isCurrent(); ) {
      const end = Math.min(segment.committedEnd, position + PIECE_BYTES);
      let piece = segment.readFile(position, end - position);
      let checked = intactBytes(piece, codec);
      if (checked === 0 && end < segment.committedEnd) {
        piece = segment.readFile(position, segment.committedEnd - position); // a record larger than a piece
        checked = intactBytes(piece, codec);
      }
      if (checked === 0) return false;
      position += checked;
      yield checked;
    }
    return true;
  } catch {
    return false; // it cannot be read
  }
}

/** Size of the intact records at the front of `piece`. */
function intactBytes(piece: Buffer, codec: RecordCodec): number {
  let offset = 0;
  for (let record = codec.decode(piece, 0); record !== undefined; record = codec.decode(piece, offset)) {
    offset = record.end;
  }
  return offset;
}
