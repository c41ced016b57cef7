import { readFileSync } from "node:fs";
import type { TlsConfig } from "../../config/blocks/tls.js";
import type { BrokerConfig } from "../../config/schema.js";
import type { AccountResolver } from "./account-resolver.js";
import { DirectoryResolver } from "./directory-resolver.js";
import { JwtDirectory } from "./jwt-directory.js";
import { MemoryResolver } from "./memory-resolver.js";
import { UrlResolver } from "./url-resolver.js";

/** Accounts a cache keeps. Source: nats-server accounts.go `NewCacheDirAccResolver`. */
const DEFAULT_CACHE_LIMIT = 1_000;

/** Opens the resolver of a configuration. @throws GanglionError `ACCOUNT_UNRESOLVED` for a directory that cannot be used. */
export async function openResolver({
  resolver,
  resolverTls,
}: Pick<BrokerConfig, "resolver" | "resolverTls">): Promise<AccountResolver> {
  if (resolver === undefined || resolver.kind === "memory") return new MemoryResolver();
  if (resolver.kind === "url") {
    return new UrlResolver({ url: resolver.url, ...(resolverTls && { tls: tlsOf(resolverTls) }) });
  }
  const { directory, limit } = resolver;
  if (resolver.kind === "cache") {
    const cache = {
      directory,
      limit: limit || DEFAULT_CACHE_LIMIT,
      evicts: true,
      deleteMode: "remove",
    } as const;
    return new DirectoryResolver(await JwtDirectory.open(cache), true);
  }
  const deleteMode = !resolver.allowDelete ? "refuse" : resolver.hardDelete ? "remove" : "rename";
  return new DirectoryResolver(
    await JwtDirectory.open({ directory, deleteMode, ...(limit !== undefined && { limit }) }),
  );
}

/** What a client needs of a `tls` block. */
function tlsOf({ certFile, keyFile, caFile, insecure, minVersion }: TlsConfig) {
  return {
    ...(certFile && { cert: readFileSync(certFile) }),
    ...(keyFile && { key: readFileSync(keyFile) }),
    ...(caFile && { ca: readFileSync(caFile) }),
    ...(minVersion && { minVersion }),
    ...(insecure && { rejectUnauthorized: false }),
  };
}
