import type { AccountConfig } from "../config/blocks/accounts.js";
import type { BrokerConfig } from "../config/schema.js";
import { Account, type AccountTags, GLOBAL_ACCOUNT } from "./account.js";

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
    return account;
  }

  /** Creates or changes an account. @param claim - what its JWT says beside its configuration. */
  define({ name, limits = {} }: AccountConfig, { nameTag = "", tags = [] }: Partial<AccountTags> = {}): void {
    const account = this.getOrCreate(name);
    account.limits = limits;
    account.nameTag = nameTag;
    account.tags = tags;
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

  private configure({ accounts = [], systemAccount, noSystemAccount }: AccountsConfig): void {
    for (const account of accounts) this.define(account);
    const systemName = systemAccount ?? (noSystemAccount ? undefined : SYSTEM_ACCOUNT);
    this.system = systemName === undefined ? undefined : this.getOrCreate(systemName);
  }
}
