import type { Subscription } from "./subscription.js";

/** A subscription as the target of one subject, with the beginning of its control lines ready. */
export class RouteTarget {
  /** The subscription belongs to another account, which imports the subject. */
  isImported = false;
  private plain: Uint8Array | undefined;
  private headed: Uint8Array | undefined;

  constructor(
    readonly subscription: Subscription,
    readonly subject: string,
    private readonly subjectBytes: Uint8Array,
  ) {}

  /** `MSG subject sid `, which the canonical tail of a message is written behind. */
  messagePrefix(deliverAs: string | undefined): Uint8Array {
    if (deliverAs !== undefined) return prefix("MSG ", Buffer.from(deliverAs), this.subscription);
    this.plain ??= prefix("MSG ", this.subjectBytes, this.subscription);
    return this.plain;
  }

  /** `HMSG subject sid `. */
  headerPrefix(deliverAs: string | undefined): Uint8Array {
    if (deliverAs !== undefined) return prefix("HMSG ", Buffer.from(deliverAs), this.subscription);
    this.headed ??= prefix("HMSG ", this.subjectBytes, this.subscription);
    return this.headed;
  }
}

/** Subject and sid go out byte for byte as they came in, even if they are not UTF-8. */
function prefix(verb: "MSG " | "HMSG ", subject: Uint8Array, { sid }: Subscription): Uint8Array {
  return Buffer.concat([Buffer.from(verb), subject, Buffer.from(` ${sid} `, "latin1")]);
}

/** Everything a literal subject leads to. It stays right until the router marks it stale. */
export class Route {
  /** Subscriptions that each receive every message. */
  readonly targets: readonly RouteTarget[];
  /** Queue groups, of which one member each receives a message. */
  readonly groups: readonly (readonly RouteTarget[])[];
  readonly isEmpty: boolean;
  private readonly hasImports: boolean;
  private ownRoute: Route | undefined;
  stale = false;

  constructor(
    readonly subject: string,
    /** The subject's bytes, owned by the route. */
    readonly bytes: Uint8Array,
    all: readonly RouteTarget[],
  ) {
    const targets: RouteTarget[] = [];
    const groups = new Map<string, RouteTarget[]>();
    for (const target of all) {
      const { queue } = target.subscription;
      if (queue === undefined) targets.push(target);
      else {
        const group = groups.get(queue);
        if (group === undefined) groups.set(queue, [target]);
        else group.push(target);
      }
    }
    this.targets = targets;
    this.groups = groups.size === 0 ? [] : [...groups.values()];
    this.isEmpty = all.length === 0;
    this.hasImports = all.some(({ isImported }) => isImported);
  }

  /** The route without subscriptions of other accounts. Use it at once: it is not marked stale. */
  get own(): Route {
    if (!this.hasImports) return this;
    const all = [...this.targets, ...this.groups.flat()].filter(({ isImported }) => !isImported);
    this.ownRoute ??= new Route(this.subject, this.bytes, all);
    return this.ownRoute;
  }

  /** Whether this is the route of the subject that these bytes hold. */
  isOf(bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.bytes;
    if (own.length !== end - start) return false;
    for (let i = 0; i < own.length; i++) {
      if (own[i] !== bytes[start + i]) return false;
    }
    return true;
  }
}
