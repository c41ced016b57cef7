import type { ExportConfig } from "../config/blocks/account-exports.js";
import type { ImportConfig } from "../config/blocks/account-imports.js";
import { mayImport } from "../config/blocks/account-links.js";
import type { Account } from "./account.js";
import { importService } from "./import-service.js";
import { importStream } from "./import-stream.js";
import { SharedService } from "./shared-service.js";

/** What an account offers to others, and takes from them. */
export interface AccountLinkConfig {
  readonly imports: readonly ImportConfig[];
  readonly exports: readonly ExportConfig[];
}

/** The links of one account that are in place. */
interface Linked {
  readonly config: AccountLinkConfig;
  readonly services: readonly SharedService[];
  /** Each ends one import. */
  ends: readonly (() => void)[];
}

/** The accounts links are made between. */
interface LinkableAccounts {
  get(name: string): Account | undefined;
}

/** What the accounts of a broker share with each other: streams and services that are exported and imported. */
export class AccountLinks {
  private readonly byAccount = new Map<string, Linked>();

  constructor(private readonly accounts: LinkableAccounts) {}

  /** Sets the links of one account. What others import of it is checked again. */
  set(name: string, config: AccountLinkConfig): void {
    this.drop(name);
    this.put(name, config);
    this.link(name);
    for (const [other, { config: theirs }] of this.byAccount) {
      if (other !== name && theirs.imports.some(({ account }) => account === name)) this.link(other);
    }
  }

  /** The exports and imports of an account. */
  of(name: string): AccountLinkConfig | undefined {
    return this.byAccount.get(name)?.config;
  }

  private put(name: string, config: AccountLinkConfig): void {
    const exporter = this.accounts.get(name);
    if (exporter === undefined) return;
    const services = config.exports.flatMap((one) =>
      one.kind === "service" ? [new SharedService(exporter, one)] : [],
    );
    this.byAccount.set(name, { config, services, ends: [] });
  }

  /** Ends all links of an account. */
  drop(name: string): void {
    for (const end of this.byAccount.get(name)?.ends ?? []) end();
    this.byAccount.delete(name);
  }

  /** Makes the imports of an account that their exporters allow, instead of those it has. */
  private link(name: string): void {
    const linked = this.byAccount.get(name);
    const importer = this.accounts.get(name);
    if (linked === undefined || importer === undefined) return;
    for (const end of linked.ends) end();
    linked.ends = linked.config.imports.flatMap((config) => this.importInto(importer, config) ?? []);
  }

  private importInto(importer: Account, config: ImportConfig): (() => void) | undefined {
    const exporter = this.accounts.get(config.account);
    const offered = this.byAccount.get(config.account);
    if (exporter === undefined || offered === undefined) return undefined;
    const isAllowed = (one: ExportConfig) =>
      one.kind === config.kind && mayImport(one, config.subject, importer.name);
    if (config.kind === "service") {
      const service = closest(
        offered.services.filter((one) => isAllowed(one.config)),
        config.subject,
      );
      return service && importService(importer, service, config);
    }
    return offered.config.exports.some(isAllowed) ? importStream(importer, exporter, config) : undefined;
  }
}

/** The export of just this subject, if there is one. */
function closest(services: readonly SharedService[], subject: string): SharedService | undefined {
  return services.find(({ config }) => config.subject === subject) ?? services[0];
}
