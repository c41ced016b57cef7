import { endianness } from "node:os";
import type { Checksum, SequenceRun } from "./record-codec.js";

/*
 * What recovery needs of a sealed segment, so that it need not read the segment itself. Numbers are
 * little-endian; columns follow each other without gaps, those of 64 bits first.
 *
 *    0         8         12     16       20         24    28         32         36         40      44       48
 *    +---------+---------+------+--------+----------+-----+----------+----------+----------+-------+--------+
 *    | GANGFOOT| version | salt | number | revision | end | tail     | messages | subjects | runs  | kept   |
 *    | 8 bytes | u32     | u32  | u32    | u32      | u32 | checksum | u32      | u32      | u32   | bytes  |
 *    +---------+---------+------+--------+----------+-----+----------+----------+----------+-------+--------+
 *    48         56         64        68         72
 *    +----------+----------+---------+----------+
 *    | floor    | base     | subject | checksum |  then, per message: timestamp f64; per run: first f64;
 *    | f64      | sequence | bytes   | of all   |  per message: sequence less base u32, subject u32, size u32, position u32;
 *    |          | f64      | u32     | the rest |  per run: count u32; per subject: size u32; subjects, one after the other
 *    +----------+----------+---------+----------+
 */

const MAGIC = Buffer.from("GANGFOOT", "latin1");
const VERSION = 1;
const HEAD_BYTES = 72;
const FLOOR_OFFSET = 48;
const BASE_OFFSET = 56;
const SUBJECT_BYTES_OFFSET = 64;
const CHECKSUM_OFFSET = 68;
const BYTES_PER_MESSAGE = 8 + 4 * 4;
const BYTES_PER_RUN = 8 + 4;
/** Columns are read and written as the processor keeps them. */
export const FOOTERS_WORK = endianness() === "LE";

/** Which content of which file a footer belongs to. */
export interface FooterIdentity {
  readonly salt: number;
  readonly number: number;
  readonly revision: number;
  /** Where the content ends. */
  readonly end: number;
  /** Checksum of the last record, which is the mark that a group is complete. */
  readonly tailChecksum: number;
}

/** What a footer says of one message, at the same index of every column. */
export interface FooterColumns {
  readonly timestampsUs: Float64Array;
  /** Less the base sequence of the segment. */
  readonly distances: Uint32Array;
  /** Index in `subjects`. */
  readonly subjects: Uint32Array;
  /** As the index keeps it: what limits count, and whether there are headers. */
  readonly sizes: Uint32Array;
  readonly positions: Uint32Array;
}

/** The content of a footer. Messages that had left the stream when it was written are not in it. */
export interface SegmentFooter {
  readonly identity: FooterIdentity;
  readonly columns: FooterColumns;
  readonly subjects: readonly string[];
  /** Every sequence in the segment is this one or higher. */
  readonly baseSequence: number;
  /** All messages below are gone. */
  readonly floor: number;
  /** Messages that records of this segment remove one by one. */
  readonly runs: readonly SequenceRun[];
  /** Bytes of removal records that had to be kept when the segment was rewritten. */
  readonly keptBytes: number;
}

interface FooterCounts {
  readonly messages: number;
  readonly runs: number;
  readonly subjects: number;
}

function sizeOf({ messages, runs, subjects }: FooterCounts, subjectBytes: number): number {
  return HEAD_BYTES + messages * BYTES_PER_MESSAGE + runs * BYTES_PER_RUN + subjects * 4 + subjectBytes;
}

/** Where the columns of a footer lie in its bytes. */
class Layout {
  readonly columns: FooterColumns;
  readonly firsts: Float64Array;
  readonly counts: Uint32Array;
  readonly subjectSizes: Uint32Array;
  readonly subjectsStart: number;

  constructor(bytes: Buffer, { messages, runs, subjects }: FooterCounts) {
    let offset = bytes.byteOffset + HEAD_BYTES;
    const wide = (length: number) => {
      const column = new Float64Array(bytes.buffer, offset, length);
      offset += column.byteLength;
      return column;
    };
    const narrow = (length: number) => {
      const column = new Uint32Array(bytes.buffer, offset, length);
      offset += column.byteLength;
      return column;
    };
    const timestampsUs = wide(messages);
    this.firsts = wide(runs);
    this.columns = {
      timestampsUs,
      distances: narrow(messages),
      subjects: narrow(messages),
      sizes: narrow(messages),
      positions: narrow(messages),
    };
    this.counts = narrow(runs);
    this.subjectSizes = narrow(subjects);
    this.subjectsStart = offset - bytes.byteOffset;
  }
}

/** Writes a footer. */
export function encodeFooter(footer: SegmentFooter, checksum: Checksum): Buffer {
  const { identity, columns, subjects, baseSequence, floor, runs, keptBytes } = footer;
  const names = subjects.map((subject) => Buffer.from(subject));
  const subjectBytes = names.reduce((sum, { length }) => sum + length, 0);
  const counts = { messages: columns.sizes.length, runs: runs.length, subjects: subjects.length };
  const bytes = Buffer.from(new ArrayBuffer(sizeOf(counts, subjectBytes)));
  const { salt, number, revision, end, tailChecksum } = identity;
  MAGIC.copy(bytes);
  const { messages } = counts;
  const fields = [VERSION, salt, number, revision, end, tailChecksum, messages, subjects.length, runs.length];
  fields.push(keptBytes);
  fields.forEach((value, index) => void bytes.writeUInt32LE(value, 8 + index * 4));
  bytes.writeDoubleLE(floor, FLOOR_OFFSET);
  bytes.writeDoubleLE(baseSequence, BASE_OFFSET);
  bytes.writeUInt32LE(subjectBytes, SUBJECT_BYTES_OFFSET);
  const layout = new Layout(bytes, counts);
  layout.columns.timestampsUs.set(columns.timestampsUs);
  layout.columns.distances.set(columns.distances);
  layout.columns.subjects.set(columns.subjects);
  layout.columns.sizes.set(columns.sizes);
  layout.columns.positions.set(columns.positions);
  runs.forEach(({ first, count }, index) => {
    layout.firsts[index] = first;
    layout.counts[index] = count;
  });
  let offset = layout.subjectsStart;
  names.forEach((name, index) => {
    layout.subjectSizes[index] = name.length;
    name.copy(bytes, offset);
    offset += name.length;
  });
  bytes.writeUInt32LE(checksumOf(bytes, checksum), CHECKSUM_OFFSET);
  return bytes;
}

function checksumOf(bytes: Buffer, checksum: Checksum): number {
  return checksum(bytes.subarray(HEAD_BYTES), checksum(bytes.subarray(0, CHECKSUM_OFFSET), 0));
}

/**
 * Reads a footer.
 *
 * @param bytes - in memory of its own, from its first byte.
 * @returns undefined when it is damaged, of another version, or not a footer.
 */
export function decodeFooter(bytes: Buffer, checksum: Checksum): SegmentFooter | undefined {
  if (bytes.length < HEAD_BYTES || bytes.byteOffset % 8 !== 0) return undefined;
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (bytes.readUInt32LE(CHECKSUM_OFFSET) !== checksumOf(bytes, checksum)) return undefined;
  const field = (index: number) => bytes.readUInt32LE(8 + index * 4);
  if (field(0) !== VERSION) return undefined;
  const counts = { messages: field(6), subjects: field(7), runs: field(8) };
  if (bytes.length !== sizeOf(counts, bytes.readUInt32LE(SUBJECT_BYTES_OFFSET))) return undefined;
  const layout = new Layout(bytes, counts);
  const subjects: string[] = [];
  let offset = layout.subjectsStart;
  for (const sizeBytes of layout.subjectSizes) {
    subjects.push(bytes.toString("utf8", offset, offset + sizeBytes));
    offset += sizeBytes;
  }
  return {
    identity: { salt: field(1), number: field(2), revision: field(3), end: field(4), tailChecksum: field(5) },
    columns: layout.columns,
    subjects,
    baseSequence: bytes.readDoubleLE(BASE_OFFSET),
    floor: bytes.readDoubleLE(FLOOR_OFFSET),
    runs: Array.from(layout.firsts, (first, index) => ({ first, count: layout.counts[index] ?? 0 })),
    keptBytes: field(9),
  };
}
