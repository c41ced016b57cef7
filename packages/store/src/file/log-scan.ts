import { type DecodedRecord, RECORD_HEADER_BYTES, type RecordCodec } from "./record-codec.js";

/** Bytes between intact records that are none. */
export interface Damage {
  readonly start: number;
  readonly end: number;
}

/** Who listens to a scan, in the order of the file. */
export interface ScanVisitor {
  record(record: DecodedRecord, offset: number): void;
  damage(damage: Damage): void;
}

/**
 * Reads every intact record of a file's content. Bytes that are no record are skipped up to the next intact
 * one and reported; the bytes behind the last intact record are not reported, but where they begin is
 * returned: whether they are a torn write or damage depends on what the file is.
 *
 * @param content - the file from its first byte; records begin at `from`.
 * @returns where the last intact record ends.
 */
export function scanRecords(
  content: Buffer,
  { codec, from }: { readonly codec: RecordCodec; readonly from: number },
  visitor: ScanVisitor,
): number {
  let offset = from;
  while (offset < content.length) {
    const record = codec.decode(content, offset);
    if (record !== undefined) {
      visitor.record(record, offset);
      offset = record.end;
      continue;
    }
    const next = nextRecord(content, offset + 1, codec);
    if (next === undefined) break;
    visitor.damage({ start: offset, end: next });
    offset = next;
  }
  return offset;
}

/** Offset of the first intact record at or after `offset`. */
function nextRecord(content: Buffer, offset: number, codec: RecordCodec): number | undefined {
  const salt = Buffer.alloc(4);
  salt.writeUInt32LE(codec.salt);
  for (let at = content.indexOf(salt, offset); at >= 0; at = content.indexOf(salt, at + 1)) {
    if (at + RECORD_HEADER_BYTES > content.length) return undefined;
    if (codec.decode(content, at) !== undefined) return at;
  }
  return undefined;
}
