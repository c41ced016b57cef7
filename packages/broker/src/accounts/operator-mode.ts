import { JwtAuthenticator } from "../auth/jwt/jwt-authenticator.js";
import { operatorTrust } from "../auth/jwt/trust.js";
import type { ResolvedBrokerOptions } from "../options.js";
import type { Accounts } from "./accounts.js";
import { reviewConnections } from "./connection-review.js";
import { OperatedAccounts } from "./operated-accounts.js";
import { readOperatorSettings } from "./operator-settings.js";
import type { AccountResolver } from "./resolvers/account-resolver.js";
import { openResolver } from "./resolvers/open-resolver.js";

/** Users come with JWTs, accounts from a resolver, and an operator vouches for them. */
export class OperatorMode implements AsyncDisposable {
  private constructor(
    readonly authenticator: JwtAuthenticator,
    readonly accounts: OperatedAccounts,
    readonly resolver: AccountResolver,
  ) {}

  /**
   * Starts operator mode: reads the operators, opens the resolver, stores what is preloaded, loads the system account.
   *
   * @throws GanglionError `INVALID_BROKER_OPTIONS`, `ACCOUNT_UNRESOLVED`.
   */
  static async open(options: ResolvedBrokerOptions, accounts: Accounts): Promise<OperatorMode> {
    const { operators, systemAccount, pinnedAccounts } = readOperatorSettings(options);
    const { clock, logger, trustedKeys, resolverPreload, defaultSentinel } = options;
    const trust = operatorTrust(operators, trustedKeys);
    for (const { name, subject } of operators) logger.info(`Trusted Operator "${name}" ${subject}`);
    const resolver = await openResolver(options);
    for (const [key, token] of resolverPreload ?? []) await resolver.store(key, token);
    const operated = new OperatedAccounts({
      trust,
      resolver,
      clock,
      logger,
      effects: {
        configure: (config, account) => accounts.define(config, account),
        review: (account, before) => {
          const found = accounts.get(account.claims.subject);
          if (found === undefined) return;
          found.operated = account;
          reviewConnections(found, account, { before: before.claims, trust });
        },
      },
    });
    if (systemAccount !== undefined) {
      accounts.useAsSystem(systemAccount);
      const found = await operated.lookup(systemAccount);
      if ("fault" in found) logger.warn(`System account ${systemAccount}: ${found.fault}`);
    }
    const authenticator = new JwtAuthenticator({
      trust,
      accounts: operated,
      clock,
      ...(pinnedAccounts && { pinnedAccounts }),
      ...(defaultSentinel !== undefined && { defaultSentinel }),
    });
    return new OperatorMode(authenticator, operated, resolver);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.accounts.close();
    await this.resolver[Symbol.asyncDispose]();
  }
}
