import { block, byKind, field, type Reader, refine } from "../reader.js";
import { count, duration, flag, text, wordOf } from "../scalars.js";

/** Where account JWTs come from. */
export type ResolverConfig =
  | { readonly kind: "memory" }
  | { readonly kind: "url"; readonly url: string }
  | FullResolverConfig
  | CacheResolverConfig;

interface DirectoryResolverConfig {
  readonly directory: string;
  /** Most JWTs; 0: no limit. */
  readonly limit?: number;
  /** Time a request for a JWT may take. */
  readonly timeoutMs?: number;
}

/** Keeps all JWTs. */
export interface FullResolverConfig extends DirectoryResolverConfig {
  readonly kind: "full";
  readonly allowDelete: boolean;
  /** Removes the file; else it is renamed. */
  readonly hardDelete: boolean;
  /** Time between synchronisations with other brokers. */
  readonly syncIntervalMs?: number;
}

/** Keeps the JWTs in use. */
export interface CacheResolverConfig extends DirectoryResolverConfig {
  readonly kind: "cache";
  readonly ttlMs?: number;
}

const fields = {
  directory: field("dir", text),
  type: field("type", wordOf({ full: "full", cache: "cache", mem: "memory", memory: "memory" } as const)),
  allowDelete: field("allow_delete", flag),
  hardDelete: field("hard_delete", flag),
  limit: field("limit", count),
  ttlMs: field("ttl", duration()),
  syncIntervalMs: field("interval", duration()),
  timeoutMs: field("timeout", duration()),
};

const directoryResolver: Reader<ResolverConfig> = refine(
  block(fields),
  (options, given): ResolverConfig | undefined => {
    const { type, directory = "", allowDelete = false, hardDelete, ttlMs, syncIntervalMs, ...rest } = options;
    if (type === "memory") return { kind: "memory" };
    const refuse = (isGiven: boolean, key: string, why: string) => {
      if (isGiven) given.fault(`${key} ${why}`, given.placeOf(key));
    };
    if (type === undefined) return given.fault("a resolver needs a type: full, cache or memory");
    if (directory === "") return given.fault("a resolver needs a dir");
    if (type === "cache") {
      const why = "is not for a resolver of type cache";
      refuse(Boolean(syncIntervalMs), "interval", why);
      refuse(allowDelete, "allow_delete", why);
      refuse(hardDelete !== undefined, "hard_delete", why);
      return Object.freeze({ kind: "cache", directory, ...rest, ...(ttlMs === undefined ? {} : { ttlMs }) });
    }
    refuse(Boolean(ttlMs), "ttl", "is not for a resolver of type full");
    refuse(hardDelete !== undefined && !allowDelete, "hard_delete", "has no effect without allow_delete");
    return Object.freeze({
      kind: "full",
      directory,
      allowDelete,
      hardDelete: hardDelete ?? false,
      ...rest,
      ...(syncIntervalMs === undefined ? {} : { syncIntervalMs }),
    });
  },
);

/** MEMORY, or URL(https://…). Source: nats-server opts.go, the regular expressions at `resolver`. */
const namedResolver: Reader<ResolverConfig> = refine(text, (option, given): ResolverConfig | undefined => {
  if (/^\s*(?:mem|memory)\s*$/i.test(option)) return { kind: "memory" };
  const [, target = ""] = /^\s*url\(\s*"?([^\s")]*)"?\s*\)\s*$/i.exec(option) ?? [];
  if (URL.canParse(target)) return Object.freeze({ kind: "url", url: target });
  return given.fault(`${given.name} must be MEMORY, URL("https://…") or a map of type and dir`);
});

export const resolver: Reader<ResolverConfig> = byKind<ResolverConfig>(
  { string: namedResolver, map: directoryResolver },
  'MEMORY, URL("https://…") or a map of type and dir',
);
