import { storeError } from "../errors.js";
import { readUInt64, saltedCrc32, writeUInt64 } from "./record-codec.js";

/*
 * The first 4096 bytes of a log file hold its header twice, at 0 and at 2048, so that no single damaged
 * sector takes both. Numbers are little-endian.
 *
 *    0         8         12     16       20         24         28         32     36     40         48
 *    +---------+---------+------+--------+----------+----------+----------+------+------+----------+----------+
 *    | GANGLION| version | salt | number | previous | previous | covers   | end  | kind | base     | checksum |
 *    | 8 bytes | u32     | u32  | u32    | number   | end      | to       | u32  | u32  | sequence | u32      |
 *    |         |         |      |        | u32      | u32      | u32      |      |      | u64      |          |
 *    +---------+---------+------+--------+----------+----------+----------+------+------+----------+----------+
 */

/** Where the first record of a log file begins. */
export const LOG_HEADER_BYTES = 4096;
const COPY_OFFSETS = [0, LOG_HEADER_BYTES / 2];
const MAGIC = Buffer.from("GANGLION", "latin1");
const VERSION = 1;
const CHECKED_BYTES = 48;

/** What a log file is for. */
export const LogKind = { segment: 1, consumers: 2 } as const;

/** What a log file says about itself and about the file in front of it. */
export interface LogHeader {
  readonly kind: (typeof LogKind)[keyof typeof LogKind];
  /** Secret of the stream; see record-codec.ts. */
  readonly salt: number;
  /** Position of the file in the log; also in its name. */
  readonly number: number;
  /** The file that was written to before this one; 0 for none. Numbers between the two were given up. */
  readonly previousNumber: number;
  /** Where the trusted content of that file ends. What lies behind it was never durable. */
  readonly previousEnd: number;
  /** A rewritten file stands for all files from `number` to this one. */
  readonly coversTo: number;
  /** Where the content ends, for a rewritten file; 0 for one that grows. */
  readonly end: number;
  /** Every sequence in this file and in later ones is this one or higher. */
  readonly baseSequence: number;
}

/** The header area of a new log file. */
export function encodeLogHeader(header: LogHeader): Buffer {
  const area = Buffer.alloc(LOG_HEADER_BYTES);
  for (const offset of COPY_OFFSETS) {
    MAGIC.copy(area, offset);
    const fields = [
      VERSION,
      header.salt,
      header.number,
      header.previousNumber,
      header.previousEnd,
      header.coversTo,
      header.end,
      header.kind,
    ];
    fields.forEach((value, index) => void area.writeUInt32LE(value, offset + 8 + index * 4));
    writeUInt64(area, header.baseSequence, offset + 40);
    area.writeUInt32LE(saltedCrc32(area.subarray(offset, offset + CHECKED_BYTES), 0), offset + CHECKED_BYTES);
  }
  return area;
}

/**
 * Reads the header from the first bytes of a file.
 *
 * @returns undefined when neither copy is intact.
 * @throws GanglionError `STORE_FORMAT` for a format of another version.
 */
export function decodeLogHeader(area: Buffer, path: string): LogHeader | undefined {
  for (const offset of COPY_OFFSETS) {
    if (area.length < offset + CHECKED_BYTES + 4) continue;
    const checksum = saltedCrc32(area.subarray(offset, offset + CHECKED_BYTES), 0);
    if (area.readUInt32LE(offset + CHECKED_BYTES) !== checksum) continue;
    if (!area.subarray(offset, offset + MAGIC.length).equals(MAGIC)) continue;
    const field = (index: number) => area.readUInt32LE(offset + 8 + index * 4);
    if (field(0) !== VERSION) {
      throw storeError(
        "STORE_FORMAT",
        `${path} has format version ${field(0)}; this version reads ${VERSION}`,
      );
    }
    return {
      salt: field(1),
      number: field(2),
      previousNumber: field(3),
      previousEnd: field(4),
      coversTo: field(5),
      end: field(6),
      kind: field(7) === LogKind.consumers ? LogKind.consumers : LogKind.segment,
      baseSequence: readUInt64(area, offset + 40),
    };
  }
  return undefined;
}
