import { hasWildcard } from "@ganglion/protocol";
import { MatchCache } from "./match-cache.js";
import { Route } from "./route.js";
import { SubjectTrie } from "./subject-trie.js";
import type { Subscription } from "./subscription.js";

const EMPTY_TOKEN = /^$|^\.|\.\.|\.$/;

/** How a router is used. */
export interface RouterStatistics {
  readonly subscriptions: number;
  readonly inserts: number;
  readonly removes: number;
  /** Lookups of a route, and how many of them had to build it. A publisher that stays with a subject looks up once. */
  readonly lookups: number;
  readonly misses: number;
  /** Receivers of each subject in the cache. */
  readonly fanouts: readonly number[];
}

/** Finds the subscriptions of one account that a subject leads to. */
export class Router {
  private readonly trie = new SubjectTrie<Subscription>();
  private readonly cache = new MatchCache();
  private inserts = 0;
  private removes = 0;
  private lookups = 0;
  private misses = 0;
  /** Called after a subscription to `filter` came or went. */
  onChange: (filter: string) => void = () => {};

  get subscriptionCount(): number {
    return this.trie.size;
  }

  /** @param subscription - its subject is a valid filter. */
  add(subscription: Subscription): void {
    this.inserts++;
    this.trie.insert(subscription.subject, subscription);
    this.forget(subscription.subject);
    this.onChange(subscription.subject);
  }

  /** Ends a subscription; ending it again does nothing. */
  remove(subscription: Subscription): void {
    if (subscription.closed) return;
    subscription.closed = true;
    this.removes++;
    this.trie.remove(subscription.subject, subscription);
    this.forget(subscription.subject);
    this.onChange(subscription.subject);
  }

  /** The route of the subject in a range of bytes. */
  find(bytes: Uint8Array, start: number, end: number): Route {
    this.lookups++;
    return this.cache.get(bytes, start, end) ?? this.build(Buffer.from(bytes.subarray(start, end)));
  }

  /** The route of a literal subject. */
  findText(subject: string): Route {
    this.lookups++;
    return this.cache.getText(subject) ?? this.build(Buffer.from(subject));
  }

  /** Every subscription, in no particular order. */
  subscriptions(): Subscription[] {
    const found: Subscription[] = [];
    this.trie.all(found);
    return found;
  }

  statistics(): RouterStatistics {
    const { inserts, removes, lookups, misses, subscriptionCount: subscriptions } = this;
    const fanouts = this.cache.routes().map(({ targets, groups }) => targets.length + groups.length);
    return { subscriptions, inserts, removes, lookups, misses, fanouts };
  }

  private build(bytes: Buffer): Route {
    this.misses++;
    const subject = bytes.toString("utf8");
    const found: Subscription[] = [];
    // A subject with an empty token reaches nobody, not even `>`. Source: nats-server sublist.go `match`.
    if (!EMPTY_TOKEN.test(subject)) this.trie.match(subject, found);
    const allowed = found.filter(({ filter }) => filter?.isDenied(subject) !== true);
    const route = new Route(subject, bytes, allowed);
    this.cache.put(route);
    return route;
  }

  private forget(filter: string): void {
    if (hasWildcard(filter)) this.cache.clear();
    else this.cache.invalidate(Buffer.from(filter));
  }
}
