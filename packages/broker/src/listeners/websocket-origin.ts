import type { IncomingMessage } from "node:http";
import type { WebSocketConfig } from "../config/blocks/websocket.js";
import { isTls } from "../connection/tls-facts.js";

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** Scheme, host and port, the port always written out. */
function originOf(url: URL): string {
  return `${url.protocol}//${url.hostname}:${url.port || DEFAULT_PORTS[url.protocol]}`;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** From which web pages browsers may connect. Source: nats-server websocket.go `checkOrigin`. */
export class OriginPolicy {
  private readonly allowed: ReadonlySet<string>;

  constructor(private readonly config: Pick<WebSocketConfig, "sameOrigin" | "allowedOrigins">) {
    this.allowed = new Set((config.allowedOrigins ?? []).map((origin) => originOf(new URL(origin))));
  }

  /** Why a page may not connect. A client that is no browser names no origin, and may. */
  refusal({ headers, socket }: IncomingMessage): string | undefined {
    const { sameOrigin = false } = this.config;
    if (!sameOrigin && this.allowed.size === 0) return undefined;
    const named = headers.origin ?? headers["sec-websocket-origin"];
    if (named === undefined || named === "") return undefined;
    const url = parseUrl(String(named));
    if (url === undefined || !(url.protocol in DEFAULT_PORTS)) return "it is not an http or https URL";
    const origin = originOf(url);
    const own = parseUrl(`${isTls(socket) ? "https" : "http"}://${headers.host}`);
    if (sameOrigin && (own === undefined || originOf(own) !== origin)) return "not same origin";
    return this.allowed.size > 0 && !this.allowed.has(origin) ? "not in the allowed list" : undefined;
  }
}
