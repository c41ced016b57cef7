import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { OriginPolicy } from "./websocket-origin.js";

/** Why an upgrade is refused. */
export interface HandshakeFault {
  readonly status: 400 | 403 | 404 | 405;
  /** For the log; the client is told the status only. */
  readonly reason: string;
}

/** Paths of other protocols over WebSocket, which this broker does not serve. */
const OTHER_PROTOCOLS = /\/(leafnode|mqtt)$/;
const KEY_BYTES = 16;

/**
 * What is wrong with a request to become a WebSocket. Any path is served.
 *
 * Source: nats-server websocket.go `wsUpgrade`, RFC 6455 section 4.2.1.
 */
export function handshakeFault(request: IncomingMessage, origins: OriginPolicy): HandshakeFault | undefined {
  const { headers, method } = request;
  const [, other] = OTHER_PROTOCOLS.exec((request.url ?? "").replace(/\?.*/s, "")) ?? [];
  if (other !== undefined) return { status: 404, reason: `${other} over WebSocket is not supported` };
  if (method !== "GET") return { status: 405, reason: "request method must be GET" };
  if (!headers.host) return bad("'Host' missing in request");
  if (!has(headers.upgrade, "websocket")) return bad("invalid value for header 'Upgrade'");
  if (!has(headers.connection, "upgrade")) return bad("invalid value for header 'Connection'");
  const key = headers["sec-websocket-key"];
  if (key === undefined) return bad("key missing");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key) || Buffer.from(key, "base64").length !== KEY_BYTES) {
    return bad("invalid websocket key");
  }
  if (!has(headers["sec-websocket-version"], "13")) return bad("invalid version");
  const reason = origins.refusal(request);
  return reason === undefined ? undefined : { status: 403, reason: `origin not allowed: ${reason}` };
}

function bad(reason: string): HandshakeFault {
  return { status: 400, reason };
}

function has(header: string | undefined, value: string): boolean {
  return (header ?? "").split(",").some((part) => part.trim().toLowerCase() === value);
}

/** Head and body of the answer to a refused request. */
export function refusal({ status }: HandshakeFault) {
  return {
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Sec-Websocket-Version": "13",
      "X-Content-Type-Options": "nosniff",
    },
    body: `${STATUS_CODES[status]}\n`,
  };
}

/** Whether the client offers compression. */
export function offersCompression({ headers }: IncomingMessage): boolean {
  const offers = (headers["sec-websocket-extensions"] ?? "").split(",");
  return offers.some((offer) => offer.split(";")[0]?.trim().toLowerCase() === "permessage-deflate");
}
