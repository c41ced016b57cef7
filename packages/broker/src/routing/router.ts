import { hasWildcard, subjectMatches } from "@ganglion/protocol";
import { MatchCache } from "./match-cache.js";
import { Route, RouteTarget } from "./route.js";
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

/** Makes messages of one account heard in another one: a stream that is imported. */
export interface StreamLink {
  /** What is imported, in the account that exports it. */
  readonly filter: string;
  /** Where it is heard. */
  readonly router: Router;
  /** The subject of the importing account that stands for a subject that matches `filter`. */
  toLocal(subject: string): string | undefined;
}

/** Finds the subscriptions of one account that a subject leads to. */
export class Router {
  private readonly trie = new SubjectTrie<Subscription>();
  private readonly cache = new MatchCache();
  private inserts = 0;
  private removes = 0;
  private lookups = 0;
  private misses = 0;
  /** Called after what messages to `filter` lead to has changed, here or behind a link. */
  onChange: (filter: string) => void = () => {};
  private readonly listeners = new Set<(filter: string) => void>();
  private links: readonly StreamLink[] = [];

  get subscriptionCount(): number {
    return this.trie.size;
  }

  /** Calls `listener` after a subscription to a filter came or went here. @returns a function that ends it. */
  listen(listener: (filter: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Makes messages heard by subscriptions of another account. @returns a function that ends it. */
  link(link: StreamLink): () => void {
    this.links = [...this.links, link];
    this.changed(link.filter);
    return () => {
      this.links = this.links.filter((other) => other !== link);
      this.changed(link.filter);
    };
  }

  /** To be called when what messages to `filter` lead to has changed outside of this router. */
  changed(filter: string): void {
    this.forget(filter);
    this.onChange(filter);
  }

  /** @param subscription - its subject is a valid filter. */
  add(subscription: Subscription): void {
    this.inserts++;
    this.trie.insert(subscription.subject, subscription);
    this.changed(subscription.subject);
    for (const listener of this.listeners) listener(subscription.subject);
  }

  /** Ends a subscription; ending it again does nothing. */
  remove(subscription: Subscription): void {
    if (subscription.closed) return;
    subscription.closed = true;
    this.removes++;
    this.trie.remove(subscription.subject, subscription);
    this.changed(subscription.subject);
    for (const listener of this.listeners) listener(subscription.subject);
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
    const targets = this.match(subject).map((subscription) => new RouteTarget(subscription, subject, bytes));
    for (const link of this.links) {
      const local = subjectMatches(link.filter, subject) ? link.toLocal(subject) : undefined;
      if (local === undefined) continue;
      const localBytes = Buffer.from(local);
      for (const subscription of link.router.match(local)) {
        if (isOwnService(subscription)) continue;
        const target = new RouteTarget(subscription, local, localBytes);
        target.isImported = true;
        targets.push(target);
      }
    }
    const route = new Route(subject, bytes, targets);
    this.cache.put(route);
    return route;
  }

  /** The subscriptions a message to the literal `subject` may be delivered to. */
  private match(subject: string): Subscription[] {
    const found: Subscription[] = [];
    // A subject with an empty token reaches nobody, not even `>`. Source: nats-server sublist.go `match`.
    if (!EMPTY_TOKEN.test(subject)) this.trie.match(subject, found);
    return found.filter(({ filter }) => filter?.isDenied(subject) !== true);
  }

  private forget(filter: string): void {
    if (hasWildcard(filter)) this.cache.clear();
    else this.cache.invalidate(Buffer.from(filter));
  }
}

/** Whether a subscription of the broker serves its own account only: imports and the API of JetStream. */
function isOwnService({ forwarder, handler, subject }: Subscription): boolean {
  return forwarder !== undefined || (handler !== undefined && subject.startsWith("$"));
}
