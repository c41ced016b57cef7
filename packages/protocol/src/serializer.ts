import { assertNever } from "@ganglion/kernel";
import type { ClientOperation, ServerOperation, WireMessage } from "./ops.js";

const CRLF = Buffer.from("\r\n");

/** `PING` with its line end. */
export const PING: Uint8Array = Buffer.from("PING\r\n");
/** `PONG` with its line end. */
export const PONG: Uint8Array = Buffer.from("PONG\r\n");
/** `+OK` with its line end. */
export const OK: Uint8Array = Buffer.from("+OK\r\n");

/** `-ERR 'text'` with its line end. @param text - without quotes. */
export function encodeError(text: string): Buffer {
  return Buffer.from(`-ERR '${text}'\r\n`);
}

/** Encodes an operation a client sends. */
export function encodeClientOperation(operation: ClientOperation): Buffer {
  switch (operation.op) {
    case "CONNECT":
    case "INFO":
      return Buffer.from(`${operation.op} ${operation.json}\r\n`);
    case "PUB":
      return encodeMessage(operation.headers ? "HPUB" : "PUB", operation.subject, operation);
    case "SUB":
      return Buffer.from(
        `SUB ${operation.subject} ${operation.queue ? `${operation.queue} ` : ""}${operation.sid}\r\n`,
      );
    case "UNSUB":
      return Buffer.from(`UNSUB ${operation.sid}${operation.max ? ` ${operation.max}` : ""}\r\n`);
    case "-ERR":
      return Buffer.from(`-ERR ${operation.text}\r\n`);
    case "PING":
    case "PONG":
    case "+OK":
      return Buffer.from(`${operation.op}\r\n`);
    default:
      return assertNever(operation);
  }
}

/** Encodes an operation a server sends. */
export function encodeServerOperation(operation: ServerOperation): Buffer {
  switch (operation.op) {
    case "INFO":
      return Buffer.from(`INFO ${operation.json}\r\n`);
    case "MSG":
      return encodeMessage(
        operation.headers ? "HMSG" : "MSG",
        `${operation.subject} ${operation.sid}`,
        operation,
      );
    case "-ERR":
      return Buffer.from(`-ERR ${operation.text}\r\n`);
    case "PING":
    case "PONG":
    case "+OK":
      return Buffer.from(`${operation.op}\r\n`);
    default:
      return assertNever(operation);
  }
}

function encodeMessage(verb: string, target: string, message: WireMessage): Buffer {
  const { headers, payload, reply } = message;
  const headerSizeBytes = headers?.length ?? 0;
  const sizes = headers ? `${headerSizeBytes} ${headerSizeBytes + payload.length}` : `${payload.length}`;
  const line = Buffer.from(`${verb} ${target} ${reply ? `${reply} ` : ""}${sizes}\r\n`);
  return Buffer.concat(headers ? [line, headers, payload, CRLF] : [line, payload, CRLF]);
}
