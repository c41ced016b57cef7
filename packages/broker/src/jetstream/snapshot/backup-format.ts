import type { ConsumerState, NewMessage, StoredMessage } from "@ganglion/store";

/*
 * A backup is gzip of frames. Each frame: kind (u8), length of its content (u32 LE), content.
 *
 *   1 header    JSON: format, version, metadata of the stream, first and last sequence, number of consumers
 *   2 message   sequence (f64 LE), timestamp in us (f64 LE), header size (u32 LE), subject size (u16 LE), subject, data
 *   3 consumer  JSON: name, metadata, state
 *   4 end       JSON: number of messages
 *
 * gzip carries the checksum of everything; the end frame tells a backup that was cut short from a whole one.
 */

export const FrameKind = { header: 1, message: 2, consumer: 3, end: 4 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Name and version of the format. */
export const BACKUP_FORMAT = { format: "ganglion-stream-backup", version: 1 } as const;

/** What a backup begins with. */
export interface BackupHeader {
  readonly format: string;
  readonly version: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly lastTimestampUs: number;
}

/** A consumer in a backup. */
export interface BackupConsumer {
  readonly name: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly state: ConsumerState | undefined;
}

const FRAME_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 22;
/** Largest frame that is believed: a message and its subject fit well into it. */
const MAX_FRAME_BYTES = 128 * 1024 * 1024;

export function encodeFrame(kind: FrameKind, content: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + content.length);
  frame[0] = kind;
  frame.writeUInt32LE(content.length, 1);
  frame.set(content, FRAME_HEADER_BYTES);
  return frame;
}

export function encodeJsonFrame(kind: FrameKind, value: object): Buffer {
  return encodeFrame(kind, Buffer.from(JSON.stringify(value)));
}

export function encodeMessage({
  sequence,
  timestampUs,
  subject,
  headerSizeBytes,
  data,
}: StoredMessage): Buffer {
  const subjectBytes = Buffer.from(subject);
  const head = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES);
  head.writeDoubleLE(sequence, 0);
  head.writeDoubleLE(timestampUs, 8);
  head.writeUInt32LE(headerSizeBytes, 16);
  head.writeUInt16LE(subjectBytes.length, 20);
  return encodeFrame(FrameKind.message, Buffer.concat([head, subjectBytes, data]));
}

/** @returns undefined for what is no message. */
export function decodeMessage(content: Buffer): (NewMessage & { readonly sequence: number }) | undefined {
  if (content.length < MESSAGE_HEADER_BYTES) return undefined;
  const headerSizeBytes = content.readUInt32LE(16);
  const dataStart = MESSAGE_HEADER_BYTES + content.readUInt16LE(20);
  if (dataStart + headerSizeBytes > content.length) return undefined;
  return {
    sequence: content.readDoubleLE(0),
    timestampUs: content.readDoubleLE(8),
    subject: content.toString("utf8", MESSAGE_HEADER_BYTES, dataStart),
    headerSizeBytes,
    data: content.subarray(dataStart),
  };
}

export function encodeConsumer({ name, metadata, state }: BackupConsumer): Buffer {
  const written = state && { ...state, pending: [...state.pending] };
  return encodeJsonFrame(FrameKind.consumer, { name, metadata, state: written });
}

export function decodeConsumer(content: Buffer): BackupConsumer {
  const { name, metadata, state } = JSON.parse(content.toString()) as BackupConsumer & {
    state?: Omit<ConsumerState, "pending"> & { pending: [number, never][] };
  };
  return { name, metadata, state: state && { ...state, pending: new Map(state.pending) } };
}

/** Cuts frames out of bytes that come in pieces. */
export class FrameReader {
  private rest: Buffer = Buffer.alloc(0);

  /** Whether nothing is left of a frame that has begun. */
  get isEmpty(): boolean {
    return this.rest.length === 0;
  }

  /** @returns undefined when the bytes are no frames. */
  push(bytes: Buffer): { readonly kind: number; readonly content: Buffer }[] | undefined {
    const all = this.rest.length === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    const frames: { kind: number; content: Buffer }[] = [];
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= all.length) {
      const length = all.readUInt32LE(at + 1);
      if (length > MAX_FRAME_BYTES) return undefined;
      const end = at + FRAME_HEADER_BYTES + length;
      if (end > all.length) break;
      frames.push({ kind: all[at] ?? 0, content: all.subarray(at + FRAME_HEADER_BYTES, end) });
      at = end;
    }
    this.rest = Buffer.from(all.subarray(at));
    return frames;
  }
}
