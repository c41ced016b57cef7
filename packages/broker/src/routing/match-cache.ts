import type { Route } from "./route.js";

/** Slots of the cache. A power of two: the low bits of a hash are the index. */
const SLOT_COUNT = 4096;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over a range of bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
  return (hash ^ (hash >>> 15)) & (SLOT_COUNT - 1);
}

/** The same hash of an ASCII text; -1 for any other text. */
function hashOfText(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return -1;
    hash = Math.imul(hash ^ code, FNV_PRIME);
  }
  return (hash ^ (hash >>> 15)) & (SLOT_COUNT - 1);
}

/**
 * Routes by the bytes of their subject, so that a subject that is published again costs no string. Each subject
 * has one slot; a newcomer evicts what is there.
 */
export class MatchCache {
  private readonly slots: (Route | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
  private used = false;

  get(bytes: Uint8Array, start: number, end: number): Route | undefined {
    const route = this.slots[hashOf(bytes, start, end)];
    return route?.isOf(bytes, start, end) ? route : undefined;
  }

  /** As {@link get}, without making bytes of an ASCII subject. */
  getText(subject: string): Route | undefined {
    const index = hashOfText(subject);
    if (index < 0) {
      const bytes = Buffer.from(subject);
      return this.get(bytes, 0, bytes.length);
    }
    const route = this.slots[index];
    return route?.subject === subject ? route : undefined;
  }

  put(route: Route): void {
    const index = hashOf(route.bytes, 0, route.bytes.length);
    const evicted = this.slots[index];
    // Who holds on to a route outside the cache would not hear of a change any more.
    if (evicted !== undefined) evicted.stale = true;
    this.slots[index] = route;
    this.used = true;
  }

  /** The routes that are kept. */
  routes(): Route[] {
    return this.slots.filter((route) => route !== undefined);
  }

  /** Forgets the route of one subject. */
  invalidate(subject: Uint8Array): void {
    const index = hashOf(subject, 0, subject.length);
    const route = this.slots[index];
    if (route === undefined || !route.isOf(subject, 0, subject.length)) return;
    route.stale = true;
    this.slots[index] = undefined;
  }

  /** Forgets every route. */
  clear(): void {
    if (!this.used) return;
    for (let i = 0; i < SLOT_COUNT; i++) {
      const route = this.slots[i];
      if (route !== undefined) route.stale = true;
      this.slots[i] = undefined;
    }
    this.used = false;
  }
}
