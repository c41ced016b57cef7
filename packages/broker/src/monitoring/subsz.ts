import { isValidSubject, subjectMatches } from "@ganglion/protocol";
import type { Account } from "../accounts/account.js";
import { subscriptionFacts } from "../connection/connection-facts.js";
import type { RouterStatistics } from "../routing/router.js";
import type { BrokerView } from "./broker-view.js";
import { page } from "./monitoring-format.js";
import { answerHead } from "./peerings.js";
import { badRequest } from "./query.js";
import { subscriptionDetail } from "./subscription-detail.js";

const DEFAULT_LIMIT = 1024;

/** What /subsz can be asked. Source: nats-server monitor.go `SubszOptions`. */
export interface SubszOptions {
  /** Lists the subscriptions of connections. */
  readonly subscriptions?: boolean;
  readonly offset?: number;
  /** 0: 1024. */
  readonly limit?: number;
  readonly account?: string;
  /** Only subscriptions that receive what is published to this subject. */
  readonly test?: string;
}

/**
 * /subsz: how routing is doing, and the subscriptions.
 *
 * Source: nats-server monitor.go `Subsz`.
 *
 * @throws GanglionError `INVALID_MONITORING_REQUEST`.
 */
export function subsz(view: BrokerView, options: SubszOptions = {}) {
  const { account = "", test = "" } = options;
  if (test !== "" && !isValidSubject(test)) {
    throw badRequest(`invalid test subject, must be valid publish subject: ${test}`);
  }
  const offset = Math.max(0, options.offset ?? 0);
  const limit = options.limit && options.limit > 0 ? options.limit : DEFAULT_LIMIT;
  const accounts = view.context.accounts.all().filter(({ name }) => account === "" || name === account);
  const details = options.subscriptions ? subscriptionsIn(view, accounts, test) : [];
  return {
    ...answerHead(view),
    ...sublistStatistics(accounts),
    total: details.length,
    offset,
    limit,
    subscriptions_list:
      options.subscriptions && details.length > 0 ? page(details, offset, limit) : undefined,
  };
}

function subscriptionsIn(view: BrokerView, accounts: readonly Account[], test: string) {
  return view.context.registry
    .all()
    .filter(({ account }) => accounts.includes(account))
    .flatMap((connection) =>
      subscriptionFacts(connection)
        .filter(({ subject }) => test === "" || subjectMatches(subject, test))
        .map((each) => subscriptionDetail(each, connection.id, connection.account.name)),
    );
}

/** Source: nats-server sublist.go `SublistStats`. */
export function sublistStatistics(accounts: readonly Account[]) {
  const parts = accounts.map(({ router }) => router.statistics());
  const sum = (figure: (part: RouterStatistics) => number) =>
    parts.reduce((total, part) => total + figure(part), 0);
  const fanouts = parts.flatMap((part) => part.fanouts);
  const lookups = sum((part) => part.lookups);
  const hits = lookups - sum((part) => part.misses);
  return {
    num_subscriptions: sum((part) => part.subscriptions),
    num_cache: fanouts.length,
    num_inserts: sum((part) => part.inserts),
    num_removes: sum((part) => part.removes),
    num_matches: lookups,
    cache_hit_rate: lookups === 0 ? 0 : hits / lookups,
    max_fanout: fanouts.reduce((largest, fanout) => Math.max(largest, fanout), 0),
    avg_fanout:
      fanouts.length === 0 ? 0 : fanouts.reduce((total, fanout) => total + fanout, 0) / fanouts.length,
  };
}
