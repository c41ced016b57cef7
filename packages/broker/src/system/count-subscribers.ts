import { hasWildcard, isSubsetFilter } from "@ganglion/protocol";
import type { Router } from "../routing/router.js";

/**
 * How many subscriptions a subject has, or how many are within a filter.
 *
 * Source: nats-server events.go `nsubsRequest`, `totalSubs`.
 */
export function countSubscribers(router: Router, subject: string): number {
  if (hasWildcard(subject)) {
    const within = router.subscriptions().filter((one) => isSubsetFilter(one.subject, subject));
    return within.filter(({ subscriber }) => subscriber !== undefined).length;
  }
  const { targets, groups } = router.findText(subject);
  return [targets, ...groups].flat().filter(({ subscription }) => subscription.subscriber !== undefined)
    .length;
}
