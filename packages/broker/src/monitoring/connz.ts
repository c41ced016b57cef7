import { filtersOverlap, formatTimestamp } from "@ganglion/protocol";
import { GLOBAL_ACCOUNT } from "../accounts/account.js";
import type { ClosedConnection } from "../connection/closed-connections.js";
import type { Connection } from "../connection/connection.js";
import {
  type ConnectionFacts,
  connectionFacts,
  type SubscriptionFacts,
  subscriptionFacts,
} from "../connection/connection-facts.js";
import type { BrokerView } from "./broker-view.js";
import { type ConnzSort, comparison } from "./connz-sort.js";
import { formatGoDuration, formatUptime, page, unlessEmpty } from "./monitoring-format.js";
import { peerCertificates } from "./peer-certificates.js";
import { answerHead } from "./peerings.js";
import { badRequest } from "./query.js";
import { subscriptionDetail } from "./subscription-detail.js";

const DEFAULT_LIMIT = 1024;

/** What /connz can be asked. Source: nats-server monitor.go `ConnzOptions`. */
export interface ConnzOptions {
  readonly sort?: ConnzSort | undefined;
  /** Tells users, accounts and certificates. */
  readonly auth?: boolean;
  readonly subscriptions?: "none" | "subjects" | "details";
  readonly offset?: number;
  /** 0: 1024. */
  readonly limit?: number;
  /** Only this connection; 0: all. */
  readonly cid?: number;
  readonly state?: "open" | "closed" | "all";
  readonly user?: string;
  readonly account?: string;
  /** Only connections with a subscription that overlaps; needs `account`. */
  readonly filterSubject?: string;
}

/** A connection that can be shown, open or closed. */
export interface Candidate {
  readonly facts: ConnectionFacts;
  readonly connection: Connection | undefined;
  readonly closed: ClosedConnection | undefined;
}

/**
 * /connz: the connections.
 *
 * Source: nats-server monitor.go `Connz`.
 *
 * @throws GanglionError `INVALID_MONITORING_REQUEST`.
 */
export function connz(view: BrokerView, options: ConnzOptions = {}) {
  const { sort = "cid", state = "open", cid = 0, account = "", user = "", filterSubject = "" } = options;
  if ((sort === "stop" || sort === "reason") && state !== "closed") {
    throw badRequest(`sort by ${sort} only valid on closed connections`);
  }
  if (filterSubject !== "" && account === "") {
    throw badRequest("filter by subject only valid with account filtering");
  }
  const offset = Math.max(0, options.offset ?? 0);
  const limit = cid > 0 ? 1 : options.limit && options.limit > 0 ? options.limit : DEFAULT_LIMIT;
  const inAccount = candidates(view, state).filter(
    ({ facts }) => account === "" || facts.accountName === account,
  );
  const matching = inAccount.filter((candidate) => {
    const { facts } = candidate;
    if (cid > 0) return facts.id === cid;
    return (user === "" || facts.userName === user) && hasSubject(candidate, filterSubject);
  });
  const shown = page(matching.sort(comparison(sort)), offset, limit);
  return {
    ...answerHead(view),
    num_connections: shown.length,
    total: inAccount.length,
    offset,
    limit,
    connections: shown.map((candidate) => connectionInfo(view, candidate, options)),
  };
}

function candidates({ context }: BrokerView, state: "open" | "closed" | "all"): Candidate[] {
  const { registry } = context;
  const open = (connection: Connection) => ({
    facts: connectionFacts(connection),
    connection,
    closed: undefined,
  });
  const ended = (closed: ClosedConnection) => ({ facts: closed.facts, connection: undefined, closed });
  return [
    ...(state === "closed" ? [] : registry.all().map(open)),
    ...(state === "open" ? [] : registry.closed.all().map(ended)),
  ];
}

function hasSubject(candidate: Candidate, filter: string): boolean {
  if (filter === "" || filter === ">") return true;
  return subscriptionsOf(candidate).some(({ subject }) => filtersOverlap(filter, subject));
}

function subscriptionsOf({ connection, closed }: Candidate): readonly SubscriptionFacts[] {
  return connection === undefined ? (closed?.subscriptions ?? []) : subscriptionFacts(connection);
}

/** Source: nats-server monitor.go `ConnInfo`. */
function connectionInfo(view: BrokerView, candidate: Candidate, options: ConnzOptions) {
  const { facts, closed } = candidate;
  return {
    cid: facts.id,
    kind: "Client",
    type: facts.type,
    ip: facts.host,
    port: facts.port,
    start: formatTimestamp(facts.startedUs),
    last_activity: formatTimestamp(facts.lastActivityUs),
    stop: closed && formatTimestamp(closed.stoppedUs),
    reason: closed?.reason,
    rtt: formatGoDuration(facts.rttMs ?? 0),
    uptime: formatUptime(facts.openForMs),
    idle: formatUptime(facts.idleMs),
    pending_bytes: facts.pendingBytes,
    in_msgs: facts.inMessages,
    out_msgs: facts.outMessages,
    in_bytes: facts.inBytes,
    out_bytes: facts.outBytes,
    stalls: unlessEmpty(facts.stalls),
    subscriptions: facts.subscriptionCount,
    name: unlessEmpty(facts.name),
    lang: unlessEmpty(facts.lang),
    version: unlessEmpty(facts.version),
    tls_version: facts.tls?.version,
    tls_cipher_suite: facts.tls?.cipher,
    ...subscriptionLists(candidate, options.subscriptions),
    ...(options.auth === true ? authorization(view, candidate) : {}),
  };
}

function subscriptionLists(candidate: Candidate, wanted: ConnzOptions["subscriptions"]) {
  if (wanted === undefined || wanted === "none") return {};
  const subscriptions = subscriptionsOf(candidate);
  if (wanted === "subjects")
    return { subscriptions_list: unlessEmpty(subscriptions.map(({ subject }) => subject)) };
  const details = subscriptions.map((each) => subscriptionDetail(each, candidate.facts.id));
  return { subscriptions_list_detail: unlessEmpty(details) };
}

function authorization(view: BrokerView, { facts, connection }: Candidate) {
  return {
    tls_peer_certs:
      connection && unlessEmpty(peerCertificates(connection.peer.carrier ?? connection.transport)),
    authorized_user: unlessEmpty(facts.userName),
    account: facts.accountName === GLOBAL_ACCOUNT ? undefined : facts.accountName,
    jwt: facts.jwt?.token,
    issuer_key: facts.jwt?.issuer,
    name_tag: unlessEmpty(view.context.accounts.get(facts.accountName)?.nameTag ?? ""),
    tags: unlessEmpty(facts.jwt?.tags),
  };
}
