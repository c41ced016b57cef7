import type { AccountConfig } from "../config/blocks/accounts.js";
import type { BrokerConfig } from "../config/schema.js";
import { Account, GLOBAL_ACCOUNT } from "./account.js";
import type { OperatedAccount } from "./operated-account.js";

/** Name of the account of the broker itself, unless the configuration names another. Source: nats-server const.go. */
export const SYSTEM_ACCOUNT = "$SYS";

/** The part of a configuration that says which accounts there are. */
export type AccountsConfig = Pick<
  BrokerConfig,
  "accounts" | "mappings" | "systemAccount" | "noSystemAccount"
>;

/** The accounts of a broker, by name. */
export class Accounts {
  readonly global = new Account(GLOBAL_ACCOUNT);
  /** Undefined when the configuration turns it off. */
  system: Account | undefined;
  private readonly watchers = new Set<(account: Account) => void>();
  private readonly byName = new Map<string, Account>([[GLOBAL_ACCOUNT, this.global]]);

  constructor(config: AccountsConfig = {}) {
    this.configure(config);
  }

  get(name: string): Account | undefined {
    return this.byName.get(name);
  }

  /** The account of this name, created without limits when there is none. */
  getOrCreate(name: string): Account {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const account = new Account(name);
    this.byName.set(name, account);
    for (const watcher of this.watchers) watcher(account);
    return account;
  }

  /** Calls `watcher` for every account, now or when it is created. @returns a function that ends it. */
  whenCreated(watcher: (account: Account) => void): () => void {
    for (const account of this.byName.values()) watcher(account);
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Creates or changes an account. @param operated - what its JWT says beside its configuration. */
  define({ name, limits = {} }: AccountConfig, operated?: OperatedAccount): void {
    const account = this.getOrCreate(name);
    account.limits = limits;
    account.operated = operated;
  }

  /** Makes the account of this name the broker's own, in place of `$SYS`. */
  useAsSystem(name: string): void {
    const { system } = this;
    if (system?.name === SYSTEM_ACCOUNT && name !== SYSTEM_ACCOUNT) this.byName.delete(SYSTEM_ACCOUNT);
    this.system = this.getOrCreate(name);
  }

  all(): readonly Account[] {
    return [...this.byName.values()];
  }

  /** Takes over what the configuration says. Accounts it does not name any more stay, without users. */
  configure({ accounts = [], systemAccount, noSystemAccount }: AccountsConfig): void {
    for (const account of accounts) this.define(account);
    const systemName = systemAccount ?? (noSystemAccount ? undefined : SYSTEM_ACCOUNT);
    this.system = systemName === undefined ? undefined : this.getOrCreate(systemName);
  }
}
