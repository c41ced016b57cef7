import { isGanglionError } from "@ganglion/kernel";
import { type ApiError, JETSTREAM_HEADERS } from "@ganglion/protocol";
import { coreError } from "../../errors.js";
import { HeaderBlock, headerLine } from "../../transport/header-block.js";
import type { AppendAck, AppendOptions } from "../../transport/jetstream.js";
import type { IncomingMessage, Payload } from "../../transport/message.js";
import type { PendingReply, Transport } from "../../transport/transport.js";
import { apiError } from "./jetstream-api.js";

const DEFAULT_TIMEOUT_MS = 5_000;

interface PubAck {
  readonly error?: ApiError;
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
}

/** Appends to streams with many acknowledgements in flight. */
export class StreamPublisher {
  private readonly inFlight = new Set<InFlight>();

  constructor(private readonly transport: Transport) {
    transport.onStatus(({ type }) => {
      // The acknowledgement may have been lost with the connection: waiting for it could be in vain.
      if (type === "disconnected") for (const append of [...this.inFlight]) append.lost();
    });
  }

  append(subject: string, data: Payload, options: AppendOptions = {}): Promise<AppendAck> {
    return new Promise((resolve, reject) => {
      const append: InFlight = {
        pending: undefined,
        lost: () => {
          this.inFlight.delete(append);
          append.pending?.cancel();
          reject(unknownOutcome(subject, "the connection was lost"));
        },
      };
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      append.pending = this.transport.send(subject, data, {
        headers: appendHeaders(options),
        timeoutMs,
        onReply: (error, message) => {
          this.inFlight.delete(append);
          try {
            if (message === undefined) throw failure(error, subject, timeoutMs);
            resolve(ackOf(message, subject));
          } catch (reason) {
            reject(reason);
          }
        },
      });
      if (this.transport.connected) this.inFlight.add(append);
    });
  }
}

interface InFlight {
  pending: PendingReply | undefined;
  lost(): void;
}

function appendHeaders(options: AppendOptions): HeaderBlock | undefined {
  const { headers, msgId, expectedStream, expectedLastSequence, expectedLastSubjectSequence } = options;
  let lines = "";
  if (msgId !== undefined) lines += headerLine(JETSTREAM_HEADERS.messageId, msgId);
  if (expectedStream !== undefined) lines += headerLine(JETSTREAM_HEADERS.expectedStream, expectedStream);
  if (expectedLastSequence !== undefined) {
    lines += `${JETSTREAM_HEADERS.expectedLastSequence}: ${expectedLastSequence}\r\n`;
  }
  if (expectedLastSubjectSequence !== undefined) {
    lines += `${JETSTREAM_HEADERS.expectedLastSubjectSequence}: ${expectedLastSubjectSequence}\r\n`;
  }
  if (headers === undefined) return lines === "" ? undefined : new HeaderBlock(lines);
  return HeaderBlock.of(headers).with(lines);
}

/** @throws GanglionError what the stream refused it with */
function ackOf(message: IncomingMessage, subject: string): AppendAck {
  const ack = parse(message.text());
  if (ack?.error !== undefined) throw apiError(ack.error, `an append to ${subject}`);
  if (ack?.stream === undefined || ack.seq === undefined) {
    throw coreError("JETSTREAM_ERROR", `What answered the append to ${subject} is no stream`, {
      details: { subject },
    });
  }
  return { stream: ack.stream, sequence: ack.seq, duplicate: ack.duplicate === true };
}

function parse(text: string): PubAck | undefined {
  try {
    return JSON.parse(text) as PubAck;
  } catch {
    return undefined;
  }
}

function failure(error: unknown, subject: string, timeoutMs: number): unknown {
  if (isGanglionError(error, "NO_RESPONDERS")) {
    return coreError("NO_STREAM", `No stream listens on ${subject}`, { cause: error, details: { subject } });
  }
  if (isGanglionError(error, "TIMEOUT")) return unknownOutcome(subject, `no answer within ${timeoutMs} ms`);
  return error;
}

function unknownOutcome(subject: string, reason: string) {
  return coreError("UNKNOWN_OUTCOME", `The append to ${subject} may or may not be stored: ${reason}`, {
    retryable: true,
    details: { subject },
  });
}
