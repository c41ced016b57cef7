import { join } from "node:path";
import type { FileSystem } from "../file-system.js";
import { decodeLogHeader, LOG_HEADER_BYTES, type LogHeader } from "./log-header.js";
import { RecordCodec } from "./record-codec.js";
import { parseSegmentFileName, type SegmentFileName } from "./segment.js";

/** A segment file that recovery is to read. */
export interface SegmentFile extends SegmentFileName {
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined when both copies are damaged. */
  readonly header: LogHeader | undefined;
  /** Where the trusted content ends, as far as a header tells. */
  readonly trustedEnd: number | undefined;
}

/** The segment files of a directory, sorted out. */
export interface SegmentFiles {
  /** In order. */
  readonly files: readonly SegmentFile[];
  /** Paths of files that another one replaced, or that were given up. */
  readonly superseded: readonly string[];
}

/** Finds the segment files of a directory and decides which of them make up the log. */
export async function findSegmentFiles(fileSystem: FileSystem, directory: string): Promise<SegmentFiles> {
  const found: SegmentFile[] = [];
  for (const name of await fileSystem.list(directory)) {
    const parsed = parseSegmentFileName(name);
    if (parsed !== undefined) found.push(readHeader(fileSystem, join(directory, name), parsed));
  }
  found.sort(
    (left, right) =>
      left.number - right.number ||
      Number(right.header !== undefined) - Number(left.header !== undefined) ||
      right.revision - left.revision,
  );
  const files: SegmentFile[] = [];
  const superseded: string[] = [];
  for (const file of found) {
    const previous = files.at(-1);
    const coversTo = previous?.header?.coversTo ?? previous?.number ?? 0;
    if (file.number <= coversTo) superseded.push(file.path);
    else files.push(file);
  }
  const valid = withoutGivenUp(files, superseded);
  return { files: valid.map((file, index) => withTrustedEnd(file, valid[index + 1])), superseded };
}

/** The secret of a log: from any intact header, or else from the first record, which begins with it. */
export function findSalt(fileSystem: FileSystem, files: readonly SegmentFile[]): number | undefined {
  const header = files.find((file) => file.header !== undefined)?.header;
  if (header !== undefined) return header.salt;
  for (const { path, sizeBytes } of files) {
    const bytes = Buffer.alloc(Math.max(0, sizeBytes - LOG_HEADER_BYTES));
    const content = bytes.subarray(0, fileSystem.read(path, LOG_HEADER_BYTES, bytes));
    if (content.length < 4) continue;
    const salt = content.readUInt32LE(0);
    if (new RecordCodec(salt).decode(content, 0) !== undefined) return salt;
  }
  return undefined;
}

function readHeader(fileSystem: FileSystem, path: string, name: SegmentFileName): SegmentFile {
  const sizeBytes = fileSystem.sizeOf(path);
  const bytes = Buffer.alloc(LOG_HEADER_BYTES);
  const header = decodeLogHeader(bytes.subarray(0, fileSystem.read(path, 0, bytes)), path);
  return { ...name, path, sizeBytes, header, trustedEnd: undefined };
}

/** A header names the file written before it: what lies between never became part of the log. */
function withoutGivenUp(files: readonly SegmentFile[], superseded: string[]): SegmentFile[] {
  return files.filter((file, index) => {
    const next = files.slice(index + 1).find(({ header }) => header !== undefined)?.header;
    const isGivenUp = next !== undefined && file.number > next.previousNumber && file.number < next.number;
    if (isGivenUp) superseded.push(file.path);
    return !isGivenUp;
  });
}

function withTrustedEnd(file: SegmentFile, next: SegmentFile | undefined): SegmentFile {
  const { header } = file;
  if (header !== undefined && header.end > 0) return { ...file, trustedEnd: header.end };
  const coversTo = header?.coversTo ?? file.number;
  return next?.header?.previousNumber === coversTo ? { ...file, trustedEnd: next.header.previousEnd } : file;
}
