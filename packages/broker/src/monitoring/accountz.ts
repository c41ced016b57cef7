import { formatTimestamp } from "@ganglion/protocol";
import type { Account } from "../accounts/account.js";
import type { BrokerView } from "./broker-view.js";
import { unlessEmpty } from "./monitoring-format.js";
import { answerHead } from "./peerings.js";
import { badRequest } from "./query.js";
import { sublistStatistics } from "./subsz.js";

/**
 * /accountz: the names of the accounts, or everything about one.
 *
 * Source: nats-server monitor.go `Accountz`.
 *
 * @param name - empty: all names.
 * @throws GanglionError `INVALID_MONITORING_REQUEST` when there is no such account.
 */
export function accountz(view: BrokerView, name = "") {
  const { accounts } = view.context;
  const head = { ...answerHead(view), system_account: view.context.accounts.system?.name };
  if (name === "") return { ...head, accounts: accounts.all().map((account) => account.name) };
  const account = accounts.get(name);
  if (account === undefined) throw badRequest(`Account ${name} does not exist`);
  return { ...head, account_detail: accountDetail(view, account) };
}

/** Source: nats-server monitor.go `AccountInfo`. */
function accountDetail(view: BrokerView, account: Account) {
  return {
    account_name: account.name,
    update_time: formatTimestamp(view.startedUs),
    is_system: unlessEmpty(account.name === view.context.accounts.system?.name),
    expired: false,
    complete: true,
    jetstream_enabled: view.jetstream?.account(account.name) !== undefined,
    leafnode_connections: 0,
    client_connections: account.connections.size,
    subscriptions: account.router.subscriptionCount,
    sublist_stats: sublistStatistics([account]),
  };
}
