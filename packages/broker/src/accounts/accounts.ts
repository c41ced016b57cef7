import { Account, GLOBAL_ACCOUNT } from "./account.js";

/** The accounts of a broker, by name. */
export class Accounts {
  readonly global = new Account(GLOBAL_ACCOUNT);
  private readonly byName = new Map<string, Account>([[GLOBAL_ACCOUNT, this.global]]);

  get(name: string): Account | undefined {
    return this.byName.get(name);
  }

  all(): readonly Account[] {
    return [...this.byName.values()];
  }
}
