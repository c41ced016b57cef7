import { type Duration, durationMs, isGanglionError } from "@ganglion/kernel";
import { LRUCache } from "lru-cache";
import { coreError } from "../errors.js";
import { type Operation, type Policy, perEndpoint } from "./policy.js";

/** Options of {@link cache}. */
export interface CacheOptions {
  /** How long a result may be used again. */
  readonly ttl: Duration;
  /** Results kept for each endpoint; the one not used for longest goes first. @default 1000 */
  readonly maxEntries?: number;
  /** What makes two operations the same; undefined: this one is not cached. @default the input as JSON */
  readonly key?: (operation: Operation) => string | undefined;
}

interface Entry {
  readonly untilMs: number;
  readonly value: unknown;
}

/**
 * Remembers results of operations for a while, and lets those that ask for the same at the same time wait for one
 * answer. Failures are not remembered. Everybody gets the same object: do not change it.
 *
 * Only for endpoints that read: one that is not declared `idempotent` is never cached.
 *
 * @throws GanglionError `INVALID_OPTIONS`, `INVALID_DURATION`
 * @example app.client(Prices, { use: [cache({ ttl: "10s" })] })
 */
export function cache(options: CacheOptions): Policy {
  const { maxEntries = 1000, key = inputAsJson } = options;
  const ttlMs = durationMs(options.ttl, "ttl");
  if (!Number.isInteger(maxEntries) || maxEntries < 1 || ttlMs <= 0) {
    throw coreError(
      "INVALID_OPTIONS",
      `cache: ttl is ${ttlMs} ms, must be above 0; maxEntries is ${maxEntries}, must be a whole number from 1`,
    );
  }
  const cacheOf = perEndpoint(() => ({
    results: new LRUCache<string, Entry>({ max: maxEntries }),
    running: new Map<string, Promise<unknown>>(),
  }));
  return async (operation, next) => {
    const id = operation.idempotent ? key(operation) : undefined;
    if (id === undefined) return next();
    const { results, running } = cacheOf(operation);
    const now = () => operation.clock.monotonicMs();
    const known = results.get(id);
    if (known !== undefined && known.untilMs > now()) return known.value;
    const same = running.get(id);
    if (same !== undefined) {
      return same.catch((error) => {
        // The other one gave up, or had less time: that is no answer for this one.
        if (isGanglionError(error, "ABORTED") || isGanglionError(error, "TIMEOUT")) return next();
        throw error;
      });
    }
    const result = next();
    running.set(id, result);
    try {
      const value = await result;
      results.set(id, { value, untilMs: now() + ttlMs });
      return value;
    } finally {
      running.delete(id);
    }
  };
}

function inputAsJson({ input }: Operation): string {
  return JSON.stringify(input) ?? "";
}
