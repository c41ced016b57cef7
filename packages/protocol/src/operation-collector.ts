import { decodeText } from "./control-line.js";
import type {
  ClientOperation,
  ClientOperationVisitor,
  MessageFrame,
  ServerOperation,
  ServerOperationVisitor,
  WireMessage,
} from "./ops.js";

/** Copies a message out of its frame. */
export function copyMessage(frame: MessageFrame): WireMessage {
  const { bytes, headerSizeBytes, dataStart, dataEnd } = frame;
  const payloadStart = dataStart + headerSizeBytes;
  const message = {
    subject: decodeText(bytes, frame.subjectStart, frame.subjectEnd),
    payload: Buffer.from(bytes.subarray(payloadStart, dataEnd)),
  };
  const reply =
    frame.replyEnd > frame.replyStart ? decodeText(bytes, frame.replyStart, frame.replyEnd) : undefined;
  return {
    ...message,
    ...(reply === undefined ? {} : { reply }),
    ...(frame.isHeaderOperation ? { headers: Buffer.from(bytes.subarray(dataStart, payloadStart)) } : {}),
  };
}

/** Collects what a client sends as values, for tests and tools. */
export class ClientOperationCollector implements ClientOperationVisitor {
  readonly operations: ClientOperation[] = [];

  connect(json: string): void {
    this.operations.push({ op: "CONNECT", json });
  }
  publish(frame: MessageFrame): void {
    this.operations.push({ op: "PUB", ...copyMessage(frame) });
  }
  subscribe(subject: string, queue: string | undefined, sid: string): void {
    this.operations.push({ op: "SUB", subject, ...(queue === undefined ? {} : { queue }), sid });
  }
  unsubscribe(sid: string, max: number): void {
    this.operations.push({ op: "UNSUB", sid, ...(max > 0 ? { max } : {}) });
  }
  ping(): void {
    this.operations.push({ op: "PING" });
  }
  pong(): void {
    this.operations.push({ op: "PONG" });
  }
  info(json: string): void {
    this.operations.push({ op: "INFO", json });
  }
  ok(): void {
    this.operations.push({ op: "+OK" });
  }
  error(text: string): void {
    this.operations.push({ op: "-ERR", text });
  }
}

/** Collects what a server sends as values, for tests and tools. */
export class ServerOperationCollector implements ServerOperationVisitor {
  readonly operations: ServerOperation[] = [];

  info(json: string): void {
    this.operations.push({ op: "INFO", json });
  }
  message(frame: MessageFrame): void {
    const sid = decodeText(frame.bytes, frame.sidStart, frame.sidEnd);
    this.operations.push({ op: "MSG", sid, ...copyMessage(frame) });
  }
  ping(): void {
    this.operations.push({ op: "PING" });
  }
  pong(): void {
    this.operations.push({ op: "PONG" });
  }
  ok(): void {
    this.operations.push({ op: "+OK" });
  }
  error(text: string): void {
    this.operations.push({ op: "-ERR", text });
  }
}
