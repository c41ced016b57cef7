import type { Account } from "../accounts/account.js";
import { accountTraffic } from "./account-traffic.js";
import type { BrokerView } from "./broker-view.js";
import { answerHead } from "./peerings.js";

/** What /accstatz can be asked. Source: nats-server monitor.go `AccountStatzOptions`. */
export interface AccountStatzOptions {
  /** @default all */
  readonly accounts?: readonly string[];
  /** Also accounts without connections. */
  readonly unused?: boolean;
}

/** /accstatz: connections and traffic by account. Source: nats-server monitor.go `AccountStatz`. */
export function accountStatz(view: BrokerView, options: AccountStatzOptions = {}) {
  const { accounts = [], unused = false } = options;
  const shown = view.context.accounts
    .all()
    .filter(
      ({ name, connections }) =>
        (unused || connections.size > 0) && (accounts.length === 0 || accounts.includes(name)),
    );
  return { ...answerHead(view), account_statz: shown.map(accountStat) };
}

/** Connections and traffic of an account. Source: nats-server events.go `AccountStat`. */
export function accountStat(account: Account) {
  const traffic = accountTraffic(account);
  return {
    acc: account.name,
    name: account.nameTag || account.name,
    conns: account.connections.size,
    leafnodes: 0,
    total_conns: account.connections.size,
    num_subscriptions: account.router.subscriptionCount,
    sent: { msgs: traffic.outMessages, bytes: traffic.outBytes },
    received: { msgs: traffic.inMessages, bytes: traffic.inBytes },
    slow_consumers: account.slowConsumers,
  };
}
