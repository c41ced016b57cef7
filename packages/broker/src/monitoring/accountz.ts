import { formatTimestamp } from "@ganglion/protocol";
import type { OperatedAccount } from "../accounts/operated-account.js";
import { accountLinks } from "./account-links.js";
import type { BrokerView } from "./broker-view.js";
import { unlessEmpty } from "./monitoring-format.js";
import { answerHead } from "./peerings.js";
import { badRequest } from "./query.js";
import { sublistStatistics } from "./subsz.js";

const US_PER_S = 1_000_000;

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
  return { ...head, account_detail: accountDetail(view, name) };
}

/**
 * Everything about an account.
 *
 * Source: nats-server monitor.go `accountInfo`, `AccountInfo`.
 *
 * @throws GanglionError `INVALID_MONITORING_REQUEST` when there is no such account.
 */
export function accountDetail(view: BrokerView, name: string) {
  const { accounts } = view.context;
  const account = accounts.get(name);
  if (account === undefined) throw badRequest(`Account ${name} does not exist`);
  return {
    account_name: account.name,
    update_time: formatTimestamp(view.startedUs),
    is_system: unlessEmpty(account.name === accounts.system?.name),
    expired: account.operated?.isExpired ?? false,
    complete: true,
    jetstream_enabled: view.jetstream?.account(account.name) !== undefined,
    leafnode_connections: 0,
    client_connections: account.connections.size,
    subscriptions: account.router.subscriptionCount,
    ...accountLinks(account, accounts.links.of(name)),
    ...(account.operated && claimDetail(account.operated)),
    sublist_stats: sublistStatistics([account]),
  };
}

/** What the JWT of an account says. */
function claimDetail({ token, claims }: OperatedAccount) {
  const revoked = [...claims.revocations].map(([key, untilS]) => [key, formatTimestamp(untilS * US_PER_S)]);
  return {
    jwt: token,
    issuer_key: claims.issuer,
    name_tag: unlessEmpty(claims.name),
    tags: unlessEmpty(claims.tags),
    decoded_jwt: JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as unknown,
    ...(revoked.length > 0 && { revoked_user: Object.fromEntries(revoked) as Record<string, string> }),
  };
}
