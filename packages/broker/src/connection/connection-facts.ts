import type { Connection } from "./connection.js";
import { type TlsFacts, tlsFacts } from "./tls-facts.js";

/** One subscription of a connection, for monitoring. */
export interface SubscriptionFacts {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
  readonly delivered: number;
  /** 0: it does not end by itself. */
  readonly max: number;
}

/** What monitoring tells about a connection, at one moment. */
export interface ConnectionFacts {
  readonly id: number;
  readonly type: "nats" | "websocket";
  readonly host: string;
  readonly port: number;
  /** Wall clock, microseconds since 1970. */
  readonly startedUs: number;
  readonly lastActivityUs: number;
  readonly openForMs: number;
  readonly idleMs: number;
  /** Undefined before CONNECT. */
  readonly rttMs: number | undefined;
  readonly pendingBytes: number;
  readonly inMessages: number;
  readonly inBytes: number;
  readonly outMessages: number;
  readonly outBytes: number;
  readonly stalls: number;
  readonly subscriptionCount: number;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly tls: TlsFacts | undefined;
  readonly userName: string;
  /** How it came in, in operator mode. */
  readonly jwt: JwtFacts | undefined;
  readonly accountName: string;
}

/** What monitoring tells about a JWT. */
export interface JwtFacts {
  /** Undefined when it alone lets in who knows it. Source: nats-server monitor.go `redactBearerJWT`. */
  readonly token: string | undefined;
  readonly issuer: string;
  readonly tags: readonly string[];
}

/** Takes down the facts about a connection. */
export function connectionFacts(connection: Connection): ConnectionFacts {
  const { keepalive, outbox, options, peer, context } = connection;
  const { clock } = context.options;
  const nowMs = clock.monotonicMs();
  const idleMs = nowMs - Math.max(keepalive.lastActiveMs, outbox.lastMessageMs);
  return {
    id: connection.id,
    type: peer.type ?? "nats",
    host: peer.host,
    port: peer.port,
    startedUs: connection.startedUs,
    lastActivityUs: clock.nowUs() - Math.round(idleMs * 1000),
    openForMs: nowMs - keepalive.startedMs,
    idleMs,
    rttMs: keepalive.rttMs,
    pendingBytes: outbox.pendingBytes,
    inMessages: connection.inMessages,
    inBytes: connection.inBytes,
    outMessages: connection.outMessages,
    outBytes: connection.outBytes,
    stalls: connection.stalls,
    subscriptionCount: connection.subscriptions.size,
    name: options.name,
    lang: options.lang,
    version: options.version,
    tls: tlsFacts(peer.carrier ?? connection.transport),
    userName: userName(connection),
    jwt: jwtFacts(connection),
    accountName: connection.account.name,
  };
}

/** Takes down the subscriptions of a connection. @param limit - how many at most. */
export function subscriptionFacts(
  connection: Connection,
  limit = Number.POSITIVE_INFINITY,
): SubscriptionFacts[] {
  const facts: SubscriptionFacts[] = [];
  for (const { subject, queue, sid, delivered, max } of connection.subscriptions.values()) {
    if (facts.length >= limit) break;
    facts.push({ subject, queue, sid, delivered, max });
  }
  return facts;
}

/** A token is no name, but a secret. Source: nats-server client.go `getRawAuthUser`. */
function userName({ options, admission }: Connection): string {
  return (
    admission.accepted?.userName || options.nkey || options.user || (options.auth_token ? "[REDACTED]" : "")
  );
}

function jwtFacts({ admission: { accepted } }: Connection): JwtFacts | undefined {
  const { claims, limits, token } = accepted?.jwt ?? {};
  if (claims === undefined) return undefined;
  return { token: limits?.isBearer ? undefined : token, issuer: claims.issuer, tags: claims.tags };
}
