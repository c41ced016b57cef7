import type { SubscriptionFacts } from "../connection/connection-facts.js";
import { unlessEmpty } from "./monitoring-format.js";

/** A subscription as /connz and /subsz show it. Source: nats-server monitor.go `SubDetail`. */
export function subscriptionDetail(subscription: SubscriptionFacts, cid: number, account?: string) {
  return {
    account,
    subject: subscription.subject,
    qgroup: subscription.queue,
    sid: subscription.sid,
    msgs: subscription.delivered,
    max: unlessEmpty(subscription.max),
    cid,
  };
}
