import type { Account } from "../accounts/account.js";
import { addTraffic, type Traffic } from "../connection/traffic.js";
import type { BrokerView } from "./broker-view.js";

/** What went through the connections of each account since the start, closed ones included. */
export function trafficByAccount({ context }: BrokerView): Map<Account, Traffic> {
  const sums = new Map(context.accounts.all().map((account) => [account, { ...account.past }]));
  for (const connection of context.registry.all()) {
    const sum = sums.get(connection.account);
    if (sum !== undefined) addTraffic(sum, connection);
  }
  return sums;
}
