import type { Clock } from "@ganglion/kernel";
import { filtersOverlap, hasWildcard, isSubsetFilter, subjectMatches } from "@ganglion/protocol";
import { BoundedCache } from "./bounded-cache.js";
import type { PermissionRules } from "./permission-rules.js";
import { ResponseGrants } from "./response-grants.js";

/** A filter of the subscribe rules, and the queue groups it is for; without queue it is for every subscription. */
interface SubscribeRule {
  readonly filter: string;
  readonly queue?: string;
}

/** Subjects a decision is remembered for. */
const CACHE_SIZE = 1024;

/**
 * What one connection may publish and subscribe to. It makes decisions and touches nothing.
 *
 * Source: nats-server client.go `setPermissions`, `canSubscribeInternal`, `pubAllowedFullCheck`, `checkDenySub`.
 * One thing differs: a subscription must be allowed as a whole. nats-server lets `foo.>` pass where only `foo.*` is
 * allowed, because it compares `>` as if it were a token.
 */
export class Permissions {
  private readonly publishAllow: readonly string[] | undefined;
  private readonly publishDeny: readonly string[];
  private readonly subscribeAllow: readonly SubscribeRule[];
  private readonly subscribeDeny: readonly SubscribeRule[];
  private readonly grants: ResponseGrants | undefined;
  private readonly published = new BoundedCache<boolean>(CACHE_SIZE);

  /** @param clock - tells how long ago a request came, for the answers to it. */
  constructor(
    readonly rules: PermissionRules,
    clock: Clock,
  ) {
    const { publish = {}, subscribe = {}, responses } = rules;
    const allow = publish.allow ?? [];
    // With answers allowed, an absent list allows nothing else. Source: auth.go `validateResponsePermissions`.
    this.publishAllow = allow.length > 0 || responses !== undefined ? allow : undefined;
    this.publishDeny = publish.deny ?? [];
    this.subscribeAllow = (subscribe.allow ?? []).map(subscribeRule);
    this.subscribeDeny = (subscribe.deny ?? []).map(subscribeRule);
    this.grants = responses && new ResponseGrants(responses, clock);
  }

  /** Whether publishing must be checked at all. */
  get limitsPublish(): boolean {
    return this.publishAllow !== undefined || this.publishDeny.length > 0;
  }

  /** Whether {@link replyDelivered} must be told of the replies that are delivered. */
  get grantsResponses(): boolean {
    return this.grants !== undefined;
  }

  /**
   * Whether a message to the literal `subject` may be published. An answer to a request uses up a part of its grant,
   * so ask once per message; `mayAlwaysPublish` is the part of the answer that can be kept.
   */
  mayPublish(subject: string): boolean {
    return this.isPublishable(subject) || this.grants?.use(subject) === true;
  }

  /** Whether the rules allow `subject`, answers aside. It never changes. */
  mayAlwaysPublish(subject: string): boolean {
    return this.isPublishable(subject);
  }

  private isPublishable(subject: string): boolean {
    return this.published.get(subject, () => {
      const matches = (filter: string) => subjectMatches(filter, subject);
      return (this.publishAllow?.some(matches) ?? true) && !this.publishDeny.some(matches);
    });
  }

  /** Whether a subscription to `filter`, as a member of the group `queue`, is allowed. */
  maySubscribe(filter: string, queue?: string): boolean {
    const allowed = this.subscribeAllow.filter((rule) => isSubsetFilter(filter, rule.filter));
    if (this.subscribeAllow.length > 0 && !isAllowed(allowed, queue)) return false;
    // Wildcards of the subscription count as tokens: what is denied in part as nats-server denies it is denied here.
    const denied = this.subscribeDeny.filter((rule) => subjectMatches(rule.filter, filter));
    return !denied.some((rule) => isForQueue(rule, queue));
  }

  /**
   * What must not be delivered to an allowed subscription with wildcards, because a part of it is denied.
   *
   * @returns undefined when all of it may be delivered.
   */
  deliveryFilter(filter: string, queue?: string): DeliveryFilter | undefined {
    const denies = this.subscribeDeny.filter(
      (rule) => isForQueue(rule, queue) && filtersOverlap(rule.filter, filter),
    );
    return denies.length === 0 ? undefined : new DeliveryFilter(denies.map((rule) => rule.filter));
  }

  /** Tells that a message with `reply` was delivered to this connection: it may answer, where the rules say so. */
  replyDelivered(reply: string): void {
    if (this.grants !== undefined && !this.isPublishable(reply)) this.grants.grant(reply);
  }
}

/** Messages that are kept from one subscription. */
export class DeliveryFilter {
  private readonly decided = new BoundedCache<boolean>(CACHE_SIZE);

  /** @param denies - the filters that overlap the subscription. */
  constructor(readonly denies: readonly string[]) {}

  /** Whether a message to the literal `subject` must not be delivered. */
  isDenied(subject: string): boolean {
    return this.decided.get(subject, () => this.denies.some((filter) => subjectMatches(filter, subject)));
  }
}

function subscribeRule(entry: string): SubscribeRule {
  const [filter = "", queue] = entry.trim().split(/\s+/);
  return queue === undefined ? { filter } : { filter, queue };
}

/** Whether rules that all allow the subject allow it for this queue: if some are for queues, one must be for this one. */
function isAllowed(rules: readonly SubscribeRule[], queue: string | undefined): boolean {
  const forQueues = rules.filter((rule) => rule.queue !== undefined);
  if (queue === undefined || forQueues.length === 0) return rules.some((rule) => rule.queue === undefined);
  return forQueues.some((rule) => isForQueue(rule, queue));
}

/** Source: nats-server client.go `queueMatches`. */
function isForQueue(rule: SubscribeRule, queue: string | undefined): boolean {
  if (rule.queue === undefined) return true;
  if (queue === undefined) return false;
  return rule.queue === queue || (hasWildcard(rule.queue) && isSubsetFilter(queue, rule.queue));
}
