import { type Clock, isGanglionError, type Logger, type Timer } from "@ganglion/kernel";
import { accountFaultsAt } from "../auth/jwt/account-claim-faults.js";
import { type AccountClaims, decodeAccountClaims } from "../auth/jwt/account-claims.js";
import { accountConfigOf } from "../auth/jwt/account-config.js";
import type { AccountSource } from "../auth/jwt/jwt-authenticator.js";
import { linkImports } from "../auth/jwt/link-imports.js";
import type { OperatorTrust } from "../auth/jwt/trust.js";
import { isNkey } from "../auth/nkey.js";
import type { AccountConfig } from "../config/blocks/accounts.js";
import type { OperatedAccount } from "./operated-account.js";
import type { AccountResolver } from "./resolvers/account-resolver.js";

/** What changes of accounts do to the broker. */
export interface OperatedAccountEffects {
  /** Creates the account, or changes it: limits, exports, imports, mappings, JetStream. */
  configure(config: AccountConfig, account: OperatedAccount): void | Promise<void>;
  /** Ends the connections that may not stay. @param before - the account as they came into it. */
  review(account: OperatedAccount, before: OperatedAccount): void;
}

/** What {@link OperatedAccounts} goes by. */
export interface OperatedAccountsOptions {
  readonly trust: OperatorTrust;
  readonly resolver: AccountResolver;
  readonly effects: OperatedAccountEffects;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry {
  account: OperatedAccount;
  /** Time over: of the account, or of an activation token of one of its imports. */
  expiry: Timer | undefined;
  activation: Timer | undefined;
}

type Fault = { readonly fault: string };

/**
 * The accounts of operator mode that are in use: fetched when the first user comes, checked, kept up to date.
 *
 * Source: nats-server server.go `lookupOrFetchAccount`, `fetchAccount`, `updateAccountWithClaimJWT`.
 */
export class OperatedAccounts implements AccountSource {
  private readonly entries = new Map<string, Entry>();
  private readonly fetching = new Map<string, Promise<AccountClaims | Fault>>();
  private isClosed = false;

  constructor(private readonly options: OperatedAccountsOptions) {}

  /** The account of a key when it is in use. */
  get(key: string): OperatedAccount | undefined {
    return this.entries.get(key)?.account;
  }

  async lookup(key: string): Promise<AccountClaims | Fault> {
    const known = this.get(key);
    if (known !== undefined && !known.isExpired) return known.claims;
    const running = this.fetching.get(key);
    if (running !== undefined) return running;
    const fetching = this.fetch(key).finally(() => this.fetching.delete(key));
    this.fetching.set(key, fetching);
    return fetching;
  }

  /**
   * Puts a JWT in the place of the one an account in use has.
   *
   * @returns why that is not possible, undefined when it is done.
   */
  async update(key: string, token: string): Promise<string | undefined> {
    const entry = this.entries.get(key);
    if (entry?.account.token === token && !entry.account.isExpired) return undefined;
    const checked = this.check(key, token);
    if ("fault" in checked) return checked.fault;
    await this.loadExporters(checked);
    await this.install({ claims: checked, token, isExpired: false });
    return undefined;
  }

  /** Locks an account that was deleted: its connections end, and nobody comes in. */
  remove(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.expire(entry);
  }

  close(): void {
    this.isClosed = true;
    for (const { expiry, activation } of this.entries.values()) {
      expiry?.cancel();
      activation?.cancel();
    }
  }

  private async fetch(key: string): Promise<AccountClaims | Fault> {
    if (!isNkey(key, "account")) return { fault: `${key} is not the public key of an account` };
    try {
      const token = await this.options.resolver.fetch(key);
      if (token === undefined) return { fault: `account ${key} is not known to the resolver` };
      const expired = this.get(key);
      if (expired?.token === token) return { fault: `account ${key} is expired` };
      const fault = await this.update(key, token);
      return fault === undefined ? (this.get(key)?.claims ?? { fault: "the broker stops" }) : { fault };
    } catch (error) {
      if (!isGanglionError(error, "ACCOUNT_UNRESOLVED")) throw error;
      this.options.logger.warn(`Account fetch failed: ${error.message}`);
      return { fault: error.message };
    }
  }

  /** The claims of a JWT, or why they must not be used. Source: nats-server server.go `verifyAccountClaims`. */
  private check(key: string, token: string): AccountClaims | Fault {
    const { trust, clock } = this.options;
    let claims: AccountClaims;
    try {
      claims = decodeAccountClaims(token);
    } catch (error) {
      if (isGanglionError(error, "INVALID_JWT")) return { fault: error.message };
      throw error;
    }
    if (claims.subject !== key) return { fault: "subject does not match jwt content" };
    if (!trust.keys.has(claims.issuer)) return { fault: "account JWT not signed by trusted operator" };
    const faults = accountFaultsAt(claims, clock.nowMs());
    return faults.length > 0 ? { fault: `account JWT not valid: ${faults.join(", ")}` } : claims;
  }

  /** Fetches the accounts that are imported from, but not those these import from, and so on in a circle. */
  private async loadExporters(claims: AccountClaims): Promise<void> {
    const missing = new Set(
      claims.imports
        .map(({ account }) => account)
        .filter((key) => key !== claims.subject && !this.entries.has(key) && !this.fetching.has(key)),
    );
    await Promise.all([...missing].map((key) => this.lookup(key)));
  }

  private async install(account: OperatedAccount): Promise<void> {
    if (this.isClosed) return;
    const { clock } = this.options;
    const { claims } = account;
    const entry = this.entries.get(claims.subject) ?? { account, expiry: undefined, activation: undefined };
    const before = entry.account;
    entry.account = account;
    this.entries.set(claims.subject, entry);
    entry.expiry?.cancel();
    const remainingMs = claims.expiresAtS * 1000 - clock.nowMs();
    entry.expiry =
      claims.expiresAtS > 0 ? clock.schedule(Math.max(remainingMs, 0), () => this.expire(entry)) : undefined;
    const importers = [...this.entries.values()].filter(
      (other) =>
        other !== entry && other.account.claims.imports.some((one) => one.account === claims.subject),
    );
    await Promise.all([entry, ...importers].map((each) => this.link(each)));
    if (before !== account) this.options.effects.review(account, before);
  }

  /** Configures an account with the imports that hold now. */
  private async link(entry: Entry): Promise<void> {
    const { clock, logger, effects } = this.options;
    const { account } = entry;
    const nowMs = clock.nowMs();
    const linked = linkImports(account.claims, (key) => this.get(key)?.claims, nowMs);
    for (const fault of linked.faults) logger.error(`Account ${account.claims.subject} ${fault}`);
    entry.activation?.cancel();
    entry.activation = Number.isFinite(linked.validUntilMs)
      ? clock.schedule(linked.validUntilMs - nowMs, () => void this.link(entry))
      : undefined;
    await effects.configure(accountConfigOf(account.claims, linked.imports), account);
  }

  private expire(entry: Entry): void {
    const before = entry.account;
    entry.expiry?.cancel();
    entry.account = { ...before, isExpired: true };
    this.options.effects.review(entry.account, before);
  }
}
