import { DEFAULT_PORT } from "@ganglion/protocol";
import { coreError } from "../errors.js";
import type { Authentication } from "./authentication.js";

/** One server a connection may go to. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** The address demands encryption. */
  readonly tls: boolean;
  /** What the address itself says about who connects. */
  readonly authentication: Authentication | undefined;
  /** Without secrets. */
  readonly text: string;
}

/**
 * Reads an address such as `nats://user:password@host:4222`, `tls://host`, `host:4222`, `[::1]:4222`.
 *
 * @throws GanglionError `INVALID_OPTIONS`
 */
export function parseAddress(text: string): ServerAddress {
  const withScheme = text.includes("://") ? text : `nats://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || url.hostname === "" || (url.protocol !== "nats:" && url.protocol !== "tls:")) {
    throw coreError(
      "INVALID_OPTIONS",
      `Invalid server address ${JSON.stringify(text.replace(/\/\/.*@/, "//…@"))}: use nats://host:port or tls://host:port`,
    );
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return {
    host,
    port,
    tls: url.protocol === "tls:",
    authentication: authenticationOf(url),
    text: `${url.protocol}//${url.hostname}:${port}`,
  };
}

function authenticationOf(url: URL): Authentication | undefined {
  if (url.username === "") return undefined;
  const user = decodeURIComponent(url.username);
  return url.password === "" ? { token: user } : { user, password: decodeURIComponent(url.password) };
}

/** The servers of a connection, in the order they are tried: given ones first, discovered ones behind. */
export class ServerPool {
  private readonly given: readonly ServerAddress[];
  private discovered: readonly ServerAddress[] = [];
  private turn = 0;

  /** @throws GanglionError `INVALID_OPTIONS` */
  constructor(servers: readonly string[]) {
    this.given = servers.map(parseAddress);
  }

  /** Takes over what a server said about its cluster. */
  learn(connectUrls: readonly string[]): void {
    const known = new Set(this.given.map(({ host, port }) => `${host}:${port}`));
    this.discovered = connectUrls
      .filter((url) => !known.has(url))
      .map((url) => ({ ...parseAddress(url), tls: this.given[0]?.tls ?? false }));
  }

  /** Every server once; each round starts with another one. */
  round(): readonly ServerAddress[] {
    const all = [...this.given, ...this.discovered];
    const start = this.turn++ % all.length;
    return [...all.slice(start), ...all.slice(0, start)];
  }
}
