import { JETSTREAM_HEADERS } from "@ganglion/protocol";

/** Headers of a publish that JetStream acts on. A sequence that is no number is -1: it equals none. */
export interface PublishHeaders {
  messageId?: string;
  expectedStream?: string;
  expectedLastSequence?: number;
  expectedLastSubjectSequence?: number;
  /** What `expectedLastSubjectSequence` is about, when it is not the subject of the publish; may be a filter. */
  expectedLastSubjectSequenceSubject?: string;
  expectedLastMessageId?: string;
  /** In lower case. */
  rollup?: string;
  ttl?: string;
  /** What a counter is to be changed by; not necessarily a number. */
  increment?: string;
  /** Where the message was copied from. */
  streamSource?: string;
  batchId?: string;
  /** A sequence that is no number is -1. */
  batchSequence?: number;
  batchCommit?: string;
  requiredApiLevel?: string;
  schedule?: string;
  scheduleTimeZone?: string;
  scheduleTtl?: string;
  scheduleTarget?: string;
  scheduleSource?: string;
  scheduleRollup?: string;
  scheduleNext?: string;
  /** Subject of the schedule that a message comes from, or that it is to end. */
  scheduler?: string;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const UPPER_N = 0x4e;
const DASH = 0x2d;

type Take = (headers: PublishHeaders, value: string) => void;

const TAKERS: ReadonlyMap<string, Take> = new Map<string, Take>([
  [JETSTREAM_HEADERS.messageId, (headers, value) => (headers.messageId ??= value)],
  [JETSTREAM_HEADERS.expectedStream, (headers, value) => (headers.expectedStream ??= value)],
  [
    JETSTREAM_HEADERS.expectedLastSequence,
    (headers, value) => (headers.expectedLastSequence ??= sequenceOf(value)),
  ],
  [
    JETSTREAM_HEADERS.expectedLastSubjectSequence,
    (headers, value) => (headers.expectedLastSubjectSequence ??= sequenceOf(value)),
  ],
  [
    JETSTREAM_HEADERS.expectedLastSubjectSequenceSubject,
    (headers, value) => (headers.expectedLastSubjectSequenceSubject ??= value),
  ],
  [JETSTREAM_HEADERS.expectedLastMessageId, (headers, value) => (headers.expectedLastMessageId ??= value)],
  [JETSTREAM_HEADERS.rollup, (headers, value) => (headers.rollup ??= value.toLowerCase())],
  [JETSTREAM_HEADERS.ttl, (headers, value) => (headers.ttl ??= value)],
  [JETSTREAM_HEADERS.increment, (headers, value) => (headers.increment ??= value)],
  [JETSTREAM_HEADERS.streamSource, (headers, value) => (headers.streamSource ??= value)],
  [JETSTREAM_HEADERS.batchId, (headers, value) => (headers.batchId ??= value)],
  [JETSTREAM_HEADERS.batchSequence, (headers, value) => (headers.batchSequence ??= sequenceOf(value))],
  [JETSTREAM_HEADERS.batchCommit, (headers, value) => (headers.batchCommit ??= value)],
  [JETSTREAM_HEADERS.requiredApiLevel, (headers, value) => (headers.requiredApiLevel ??= value)],
  [JETSTREAM_HEADERS.schedule, (headers, value) => (headers.schedule ??= value)],
  [JETSTREAM_HEADERS.scheduleTimeZone, (headers, value) => (headers.scheduleTimeZone ??= value)],
  [JETSTREAM_HEADERS.scheduleTtl, (headers, value) => (headers.scheduleTtl ??= value)],
  [JETSTREAM_HEADERS.scheduleTarget, (headers, value) => (headers.scheduleTarget ??= value)],
  [JETSTREAM_HEADERS.scheduleSource, (headers, value) => (headers.scheduleSource ??= value)],
  [JETSTREAM_HEADERS.scheduleRollup, (headers, value) => (headers.scheduleRollup ??= value)],
  [JETSTREAM_HEADERS.scheduleNext, (headers, value) => (headers.scheduleNext ??= value)],
  [JETSTREAM_HEADERS.scheduler, (headers, value) => (headers.scheduler ??= value)],
]);

/**
 * Reads what a publish asks of JetStream in one pass over its header block, making strings only of lines
 * that begin like `Nats-`.
 *
 * @returns undefined when there is nothing of interest. Names are compared with their case, the first of
 *   several wins, and an empty value counts as absent, as in nats-server stream.go `getHeader` and its callers.
 */
export function readPublishHeaders(block: Uint8Array, headerSizeBytes: number): PublishHeaders | undefined {
  let found: PublishHeaders | undefined;
  let lineStart = block.indexOf(LF) + 1;
  while (lineStart > 0 && lineStart < headerSizeBytes) {
    const lf = block.indexOf(LF, lineStart);
    const lineEnd = lf === -1 || lf >= headerSizeBytes ? headerSizeBytes : lf;
    if (block[lineStart] === UPPER_N && block[lineStart + 4] === DASH) {
      const line = readLine(block, lineStart, block[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd);
      if (line !== undefined) {
        found ??= {};
        line.take(found, line.value);
      }
    }
    lineStart = lineEnd + 1;
  }
  return found;
}

function readLine(block: Uint8Array, start: number, end: number): { take: Take; value: string } | undefined {
  const colon = block.indexOf(COLON, start);
  if (colon === -1 || colon >= end) return undefined;
  const take = TAKERS.get(latin1(block, start, colon));
  let valueStart = colon + 1;
  while (valueStart < end && block[valueStart] === SPACE) valueStart++;
  if (take === undefined || valueStart === end) return undefined;
  const value = Buffer.from(block.buffer, block.byteOffset + valueStart, end - valueStart).toString("utf8");
  return { take, value };
}

function latin1(block: Uint8Array, start: number, end: number): string {
  return Buffer.from(block.buffer, block.byteOffset + start, end - start).toString("latin1");
}

function sequenceOf(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : -1;
}
