import { hasWildcard } from "@ganglion/protocol";
import { MatchCache } from "./match-cache.js";
import { Route } from "./route.js";
import { SubjectTrie } from "./subject-trie.js";
import type { Subscription } from "./subscription.js";

const EMPTY_TOKEN = /^$|^\.|\.\.|\.$/;

/** Finds the subscriptions of one account that a subject leads to. */
export class Router {
  private readonly trie = new SubjectTrie<Subscription>();
  private readonly cache = new MatchCache();
  /** Called after a subscription to `filter` came or went. */
  onChange: (filter: string) => void = () => {};

  get subscriptionCount(): number {
    return this.trie.size;
  }

  /** @param subscription - its subject is a valid filter. */
  add(subscription: Subscription): void {
    this.trie.insert(subscription.subject, subscription);
    this.forget(subscription.subject);
    this.onChange(subscription.subject);
  }

  /** Ends a subscription; ending it again does nothing. */
  remove(subscription: Subscription): void {
    if (subscription.closed) return;
    subscription.closed = true;
    this.trie.remove(subscription.subject, subscription);
    this.forget(subscription.subject);
    this.onChange(subscription.subject);
  }

  /** The route of the subject in a range of bytes. */
  find(bytes: Uint8Array, start: number, end: number): Route {
    return this.cache.get(bytes, start, end) ?? this.build(Buffer.from(bytes.subarray(start, end)));
  }

  /** The route of a literal subject. */
  findText(subject: string): Route {
    const bytes = Buffer.from(subject);
    return this.cache.get(bytes, 0, bytes.length) ?? this.build(bytes);
  }

  /** Every subscription, in no particular order. */
  subscriptions(): Subscription[] {
    const found: Subscription[] = [];
    this.trie.all(found);
    return found;
  }

  private build(bytes: Buffer): Route {
    const subject = bytes.toString("utf8");
    const found: Subscription[] = [];
    // A subject with an empty token reaches nobody, not even `>`. Source: nats-server sublist.go `match`.
    if (!EMPTY_TOKEN.test(subject)) this.trie.match(subject, found);
    const route = new Route(subject, bytes, found);
    this.cache.put(route);
    return route;
  }

  private forget(filter: string): void {
    if (hasWildcard(filter)) this.cache.clear();
    else this.cache.invalidate(Buffer.from(filter));
  }
}
