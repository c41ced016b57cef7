import { JwtAuthenticator } from "../auth/jwt/jwt-authenticator.js";
import { type OperatorTrust, operatorTrust } from "../auth/jwt/trust.js";
import type { AccountConfig } from "../config/blocks/accounts.js";
import type { BrokerJetStream } from "../jetstream/broker-jetstream.js";
import type { ResolvedBrokerOptions } from "../options.js";
import type { Accounts } from "./accounts.js";
import { reviewConnections } from "./connection-review.js";
import type { OperatedAccount } from "./operated-account.js";
import { type OperatedAccountEffects, OperatedAccounts } from "./operated-accounts.js";
import { type OperatorSettings, readOperatorSettings } from "./operator-settings.js";
import type { AccountResolver } from "./resolvers/account-resolver.js";
import { DirectoryResolver } from "./resolvers/directory-resolver.js";
import { openResolver } from "./resolvers/open-resolver.js";

/** What operator mode consists of. */
interface OperatorModeParts {
  readonly settings: OperatorSettings;
  readonly trust: OperatorTrust;
  readonly resolver: AccountResolver;
  readonly options: ResolvedBrokerOptions;
  readonly brokerAccounts: Accounts;
}

/** Users come with JWTs, accounts from a resolver, and an operator vouches for them. */
export class OperatorMode implements OperatedAccountEffects, AsyncDisposable {
  readonly trust: OperatorTrust;
  readonly resolver: AccountResolver;
  readonly accounts: OperatedAccounts;
  readonly authenticator: JwtAuthenticator;
  /** Turns JetStream of accounts on and off; absent while the broker has none. */
  jetstream: Pick<BrokerJetStream, "configure"> | undefined;

  private constructor(private readonly parts: OperatorModeParts) {
    const { settings, trust, resolver, options } = parts;
    const { clock, logger, defaultSentinel } = options;
    this.trust = trust;
    this.resolver = resolver;
    this.accounts = new OperatedAccounts({ trust, resolver, clock, logger, effects: this });
    this.authenticator = new JwtAuthenticator({
      trust,
      accounts: this.accounts,
      clock,
      ...(settings.pinnedAccounts && { pinnedAccounts: settings.pinnedAccounts }),
      ...(defaultSentinel !== undefined && { defaultSentinel }),
    });
  }

  /**
   * Starts operator mode: reads the operators, opens the resolver, stores what is preloaded, loads the system account.
   *
   * @throws GanglionError `INVALID_BROKER_OPTIONS`, `ACCOUNT_UNRESOLVED`.
   */
  static async open(options: ResolvedBrokerOptions, brokerAccounts: Accounts): Promise<OperatorMode> {
    const settings = readOperatorSettings(options);
    const { operators, systemAccount } = settings;
    const { logger, trustedKeys, resolverPreload } = options;
    for (const { name, subject } of operators) logger.info(`Trusted Operator "${name}" ${subject}`);
    const resolver = await openResolver(options);
    for (const [key, token] of resolverPreload ?? []) await resolver.store(key, token);
    const trust = operatorTrust(operators, trustedKeys);
    const mode = new OperatorMode({ settings, trust, resolver, options, brokerAccounts });
    if (systemAccount !== undefined) {
      brokerAccounts.useAsSystem(systemAccount);
      const found = await mode.accounts.lookup(systemAccount);
      if ("fault" in found) logger.warn(`System account ${systemAccount}: ${found.fault}`);
    }
    return mode;
  }

  /** Looks for accounts that were changed behind the broker's back, where the resolver is a directory. */
  async reload(): Promise<void> {
    if (!(this.resolver instanceof DirectoryResolver)) return;
    const { directory } = this.resolver;
    for (const key of await directory.reload()) {
      const token = this.accounts.get(key) === undefined ? undefined : await directory.load(key);
      const fault = token === undefined ? undefined : await this.accounts.update(key, token);
      if (fault !== undefined) this.parts.options.logger.error(`Update of account ${key}: ${fault}`);
    }
  }

  async configure(config: AccountConfig, operated: OperatedAccount): Promise<void> {
    const { brokerAccounts, settings, options } = this.parts;
    brokerAccounts.define(config, operated);
    if (config.name === settings.systemAccount) return;
    const { bus } = brokerAccounts.getOrCreate(config.name);
    try {
      await this.jetstream?.configure(bus, config.jetstream ?? false);
    } catch (error) {
      options.logger.error(`Error configuring JetStream for account ${config.name}: ${String(error)}`);
    }
  }

  review(operated: OperatedAccount, before: OperatedAccount): void {
    const account = this.parts.brokerAccounts.get(operated.claims.subject);
    if (account === undefined) return;
    account.operated = operated;
    reviewConnections(account, operated, { before: before.claims, trust: this.trust });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.accounts.close();
    await this.resolver[Symbol.asyncDispose]();
  }
}
