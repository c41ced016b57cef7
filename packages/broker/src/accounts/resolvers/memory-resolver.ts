import type { AccountResolver } from "./account-resolver.js";

/** Keeps the JWTs of accounts in memory: those of `resolver_preload`. */
export class MemoryResolver implements AccountResolver {
  readonly isWritable = true;
  private readonly tokens = new Map<string, string>();

  async fetch(key: string): Promise<string | undefined> {
    return this.tokens.get(key);
  }

  async store(key: string, token: string): Promise<void> {
    this.tokens.set(key, token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is nothing to free.
  }
}
