import { decodeText, type MessageFrame } from "@ganglion/protocol";
import type { Connection } from "../connection/connection.js";

/** Shows a message a client published: its control line and its payload. */
export function tracePublish(connection: Connection, frame: MessageFrame): void {
  const verb = frame.isHeaderOperation ? "HPUB" : "PUB";
  const subject = decodeText(frame.bytes, frame.subjectStart, frame.subjectEnd);
  const tail = decodeText(frame.bytes, frame.tailStart, frame.dataStart - 2);
  connection.trace(`<<- [${verb} ${subject} ${tail}]`);
  if (frame.dataEnd === frame.dataStart) return;
  const limit = connection.context.options.maxTracedMessageBytes;
  const isCut = limit > 0 && frame.dataEnd - frame.dataStart > limit;
  const end = isCut ? frame.dataStart + limit : frame.dataEnd;
  const payload = JSON.stringify(decodeText(frame.bytes, frame.dataStart, end) + (isCut ? "..." : ""));
  connection.trace(`<<- MSG_PAYLOAD: [${payload}]`);
}

/** Shows a control line without payload. Secrets of CONNECT are blanked. */
export function traceOperation(connection: Connection, operation: string): void {
  if (connection.traceOut === undefined) return;
  const shown = operation.replace(SECRET, "$1[REDACTED]$2");
  connection.trace(`<<- [${shown}]`);
}

/** Source: nats-server client.go `prefixAuthPat`, `exactAuthPat`. */
const SECRET = /("(?:pass|auth_token|jwt|sig|nkey)"\s*:\s*")[^"]*(")/g;
