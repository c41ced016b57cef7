import type { AccountConfig } from "../config/blocks/accounts.js";
import type { MappingConfig } from "../config/blocks/mappings.js";
import type { BrokerConfig } from "../config/schema.js";
import { Account, GLOBAL_ACCOUNT } from "./account.js";
import { type AccountEnvironment, NO_BROKER } from "./account-environment.js";
import { AccountLinks } from "./account-links.js";
import type { OperatedAccount } from "./operated-account.js";
import { SubjectMappings } from "./subject-mappings.js";

/** Name of the account of the broker itself, unless the configuration names another. Source: nats-server const.go. */
export const SYSTEM_ACCOUNT = "$SYS";

/** The part of a configuration that says which accounts there are. */
export type AccountsConfig = Pick<
  BrokerConfig,
  "accounts" | "mappings" | "systemAccount" | "noSystemAccount"
>;

/** The accounts of a broker, by name. */
export class Accounts {
  readonly global: Account;
  /** Undefined when the configuration turns it off. */
  system: Account | undefined;
  private readonly watchers = new Set<(account: Account) => void>();
  private readonly byName = new Map<string, Account>();
  /** What accounts share with each other. */
  readonly links = new AccountLinks(this);

  constructor(
    config: AccountsConfig = {},
    private readonly environment: AccountEnvironment = NO_BROKER,
  ) {
    this.global = this.getOrCreate(GLOBAL_ACCOUNT);
    this.configure(config);
  }

  get(name: string): Account | undefined {
    return this.byName.get(name);
  }

  /** The account of this name, created without limits when there is none. */
  getOrCreate(name: string): Account {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const account = new Account(name, this.environment);
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
  define(config: AccountConfig, operated?: OperatedAccount): void {
    const account = this.getOrCreate(config.name);
    account.limits = config.limits ?? {};
    account.operated = operated;
    account.mappings = mappingsOf(config.mappings);
    this.links.set(config.name, config);
    // Publishers ask again where their subjects lead.
    account.router.changed(">");
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

  /** Takes over what the configuration says. Accounts it does not name any more stay, without users and links. */
  configure(config: AccountsConfig): void {
    const { accounts = [], mappings = [], systemAccount, noSystemAccount } = config;
    const named = new Set(accounts.map(({ name }) => name));
    for (const name of this.byName.keys()) {
      if (!named.has(name)) this.define({ name, users: [], imports: [], exports: [], mappings: [] });
    }
    for (const account of accounts) this.define(account);
    this.global.mappings = mappingsOf(mappings);
    this.global.router.changed(">");
    const systemName = systemAccount ?? (noSystemAccount ? undefined : SYSTEM_ACCOUNT);
    this.system = systemName === undefined ? undefined : this.getOrCreate(systemName);
  }
}

function mappingsOf(configs: readonly MappingConfig[]): SubjectMappings | undefined {
  return configs.length === 0 ? undefined : new SubjectMappings(configs);
}
