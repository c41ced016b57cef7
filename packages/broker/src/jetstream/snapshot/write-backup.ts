import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { consumerMetadata, streamMetadata } from "../stored-metadata.js";
import { nextReadable } from "../stream/readable.js";
import type { Stream } from "../stream/stream.js";
import { BACKUP_FORMAT, encodeConsumer, encodeJsonFrame, encodeMessage, FrameKind } from "./backup-format.js";

/** Content is handed on when so much is gathered. */
const PIECE_BYTES = 64 * 1024;

/** Reads a stream as it is now, compressed, in pieces. @param consumers - whether to put the consumers in. */
export function readBackup(stream: Stream, consumers: boolean): AsyncIterable<Buffer> {
  return Readable.from(pieces(frames(stream, consumers))).pipe(createGzip());
}

function* frames(stream: Stream, consumers: boolean): Generator<Buffer> {
  const { messages } = stream.store;
  const { firstSequence, lastSequence, lastTimestampUs } = messages.state();
  const { config, createdUs } = stream;
  const metadata = streamMetadata({ config, createdUs });
  yield encodeJsonFrame(FrameKind.header, {
    ...BACKUP_FORMAT,
    metadata,
    firstSequence,
    lastSequence,
    lastTimestampUs,
  });
  if (consumers) yield* consumerFrames(stream);
  let count = 0;
  for (
    let next = nextReadable(messages, 0);
    next !== undefined;
    next = nextReadable(messages, next.sequence + 1)
  ) {
    if (next.sequence > lastSequence) break;
    count++;
    yield encodeMessage(next);
  }
  yield encodeJsonFrame(FrameKind.end, { messages: count });
}

/** Their states first: they know nothing of messages that are removed while these are read. */
function* consumerFrames(stream: Stream): Generator<Buffer> {
  for (const { name, config, createdUs, store, acks } of stream.publicConsumers) {
    if (config.durable_name === undefined && store === undefined) continue;
    // What only memory knows to be delivered is delivered again.
    const { ackFloor } = acks;
    const state = store?.load() ?? { delivered: ackFloor, ackFloor, pending: new Map() };
    yield encodeConsumer({ name, metadata: consumerMetadata({ config, createdUs }), state });
  }
}

async function* pieces(source: Iterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let sizeBytes = 0;
  for (const frame of source) {
    gathered.push(frame);
    sizeBytes += frame.length;
    if (sizeBytes < PIECE_BYTES) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    sizeBytes = 0;
    await new Promise((resolve) => setImmediate(resolve)); // others have a turn
  }
  yield Buffer.concat(gathered);
}
