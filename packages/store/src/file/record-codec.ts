import { crc32 } from "node:zlib";

/*
 * One record of a log file. Numbers are little-endian; 64-bit numbers stay below 2^53.
 *
 *    0        4         8        12     13    14       16       20         28          36
 *    +--------+---------+--------+------+-----+--------+--------+----------+-----------+---------+--------+
 *    | salt   | check-  | length | kind |flags| subject| header | sequence | timestamp | subject |  data  |
 *    | u32    | sum u32 | u32    | u8   | u8  | size   | size   | u64      | us, u64   | bytes   |  bytes |
 *    |        |         |        |      |     | u16    | u32    |          |           |         |        |
 *    +--------+---------+--------+------+-----+--------+--------+----------+-----------+---------+--------+
 *             |         '--------------------- covered by the checksum, up to `length` -------------------'
 *             '-- crc32, begun with the salt
 *
 * The salt is a random number of the stream. No publisher knows it, so no payload can pretend to be a record
 * when recovery searches for the next intact one behind damaged bytes.
 */

/** Bytes of a record in front of the subject. */
export const RECORD_HEADER_BYTES = 36;
/** Longest subject a record holds. */
export const MAX_SUBJECT_BYTES = 0xffff;
/** Largest record: offsets in a segment are 32 bits wide, and one record may exceed the segment size. */
export const MAX_RECORD_BYTES = 1 << 30;

/** What a record says. */
export const RecordKind = {
  /** A message: headers and payload are the data. */
  message: 1,
  /** Messages are gone: all below `sequence`, and the runs in the data; see {@link encodeRuns}. */
  removed: 2,
  /** A group of writes is complete. `sequence` is the last one given out. */
  commit: 3,
  /** What an erased message was overwritten with. */
  erased: 4,
  /** Changes of consumers; see consumer-codec.ts. `sequence` counts these records. */
  consumers: 5,
} as const;
/** A value of {@link RecordKind}. */
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

const HIGHEST_KIND = RecordKind.consumers;
const TWO_TO_32 = 0x1_0000_0000;

/** Computes the checksum of `bytes`. Replaced only by tests that prove it is needed. */
export type Checksum = (bytes: Uint8Array, salt: number) => number;

/** CRC-32, begun with the salt. */
export const saltedCrc32: Checksum = (bytes, salt) => crc32(bytes, salt);

/** The record is part of a batch that goes on with the next one: alone it counts for nothing. */
const FLAG_BATCH_GOES_ON = 1;
/** The data is compressed; see compressed-data.ts. */
const FLAG_DEFLATED = 2;
const ALL_FLAGS = FLAG_BATCH_GOES_ON | FLAG_DEFLATED;

/** A record to be written. */
export interface NewRecord {
  readonly kind: RecordKind;
  readonly sequence: number;
  readonly timestampUs: number;
  readonly subject: string;
  readonly subjectSizeBytes: number;
  readonly headerSizeBytes: number;
  readonly data: Uint8Array;
  readonly batchGoesOn?: boolean;
  readonly deflated?: boolean;
}

/** A record that was read and whose checksum is right. Its data is `buffer` from `dataStart` to `end`. */
export interface DecodedRecord {
  readonly kind: RecordKind;
  readonly sequence: number;
  readonly timestampUs: number;
  readonly subjectStart: number;
  readonly headerSizeBytes: number;
  readonly dataStart: number;
  readonly end: number;
  readonly batchGoesOn: boolean;
  readonly deflated: boolean;
}

/** Size of a record in the log. */
export function recordSizeBytes(subjectSizeBytes: number, dataSizeBytes: number): number {
  return RECORD_HEADER_BYTES + subjectSizeBytes + dataSizeBytes;
}

/** Writes and reads the records of one log. */
export class RecordCodec {
  /** @param salt - the secret of the log; see above. */
  constructor(
    readonly salt: number,
    readonly checksum: Checksum = saltedCrc32,
  ) {}

  /** The checksum that the record at `offset` carries. */
  checksumAt(buffer: Buffer, offset: number): number {
    return buffer.readUInt32LE(offset + 4);
  }

  /** Writes `record` into `target` at `offset`, where there must be room for it. */
  encode(target: Buffer, offset: number, record: NewRecord): void {
    const { sequence, timestampUs, subjectSizeBytes, data } = record;
    const subjectStart = offset + RECORD_HEADER_BYTES;
    const end = subjectStart + subjectSizeBytes + data.length;
    target.writeUInt32LE(this.salt, offset);
    target.writeUInt32LE(end - offset, offset + 8);
    target[offset + 12] = record.kind;
    const batchFlag = record.batchGoesOn === true ? FLAG_BATCH_GOES_ON : 0;
    target[offset + 13] = batchFlag | (record.deflated === true ? FLAG_DEFLATED : 0);
    target.writeUInt16LE(subjectSizeBytes, offset + 14);
    target.writeUInt32LE(record.headerSizeBytes, offset + 16);
    writeUInt64(target, sequence, offset + 20);
    writeUInt64(target, timestampUs, offset + 28);
    writeSubject(target, record.subject, { start: subjectStart, sizeBytes: subjectSizeBytes });
    target.set(data, subjectStart + subjectSizeBytes);
    target.writeUInt32LE(this.checksum(target.subarray(offset + 8, end), this.salt), offset + 4);
  }

  /**
   * Reads the record at `offset`. The one place that decides whether bytes are a record: every size is
   * checked against `buffer`, and the checksum is always verified.
   *
   * @returns undefined when there is no intact record.
   */
  decode(buffer: Buffer, offset: number): DecodedRecord | undefined {
    if (offset + RECORD_HEADER_BYTES > buffer.length) return undefined;
    if (buffer.readUInt32LE(offset) !== this.salt) return undefined;
    const end = offset + buffer.readUInt32LE(offset + 8);
    const kind = buffer[offset + 12] ?? 0;
    const flags = buffer[offset + 13] ?? 0;
    const subjectStart = offset + RECORD_HEADER_BYTES;
    const dataStart = subjectStart + buffer.readUInt16LE(offset + 14);
    const headerSizeBytes = buffer.readUInt32LE(offset + 16);
    if (end > buffer.length || dataStart > end || !isKind(kind) || flags > ALL_FLAGS) return undefined;
    const deflated = (flags & FLAG_DEFLATED) !== 0;
    if (!deflated && dataStart + headerSizeBytes > end) return undefined;
    const checksum = this.checksum(buffer.subarray(offset + 8, end), this.salt);
    if (buffer.readUInt32LE(offset + 4) !== checksum) return undefined;
    return {
      kind,
      sequence: readUInt64(buffer, offset + 20),
      timestampUs: readUInt64(buffer, offset + 28),
      subjectStart,
      headerSizeBytes,
      dataStart,
      end,
      batchGoesOn: (flags & FLAG_BATCH_GOES_ON) !== 0,
      deflated,
    };
  }
}

/** Neighbouring sequences. */
export interface SequenceRun {
  readonly first: number;
  readonly count: number;
}

const RUN_BYTES = 12;

/** Writes sequences as runs: first sequence (u64) and count (u32) each. @param sequences - ascending. */
export function encodeRuns(sequences: Iterable<number>): Buffer {
  const runs: { first: number; count: number }[] = [];
  for (const sequence of sequences) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === sequence) last.count++;
    else runs.push({ first: sequence, count: 1 });
  }
  return Buffer.concat(runs.map(({ first, count }) => encodeRun(first, count)));
}

/** Writes one run. */
export function encodeRun(first: number, count: number): Buffer {
  const bytes = Buffer.alloc(RUN_BYTES);
  writeUInt64(bytes, first, 0);
  bytes.writeUInt32LE(count, 8);
  return bytes;
}

/** Reads what {@link encodeRuns} wrote. */
export function decodeRuns(bytes: Buffer): SequenceRun[] {
  const runs: SequenceRun[] = [];
  for (let offset = 0; offset + RUN_BYTES <= bytes.length; offset += RUN_BYTES) {
    runs.push({ first: readUInt64(bytes, offset), count: bytes.readUInt32LE(offset + 8) });
  }
  return runs;
}

export function writeUInt64(target: Buffer, value: number, offset: number): void {
  const high = Math.floor(value / TWO_TO_32);
  target.writeUInt32LE(value - high * TWO_TO_32, offset);
  target.writeUInt32LE(high, offset + 4);
}

export function readUInt64(buffer: Buffer, offset: number): number {
  return buffer.readUInt32LE(offset) + buffer.readUInt32LE(offset + 4) * TWO_TO_32;
}

/** Of a short ASCII text, a loop is three times as fast as the call into the runtime. */
function writeSubject(target: Buffer, subject: string, place: { start: number; sizeBytes: number }): void {
  const { start, sizeBytes } = place;
  if (sizeBytes !== subject.length || sizeBytes > 64) target.write(subject, start, sizeBytes, "utf8");
  else for (let index = 0; index < sizeBytes; index++) target[start + index] = subject.charCodeAt(index);
}

function isKind(kind: number): kind is RecordKind {
  return kind >= RecordKind.message && kind <= HIGHEST_KIND;
}
