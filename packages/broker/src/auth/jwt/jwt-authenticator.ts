import type { Clock } from "@ganglion/kernel";
import { isGanglionError } from "@ganglion/kernel";
import type { ConnectOptions } from "@ganglion/protocol";
import {
  type Accepted,
  type AsyncAuthenticator,
  type AuthContext,
  type AuthOutcome,
  refused,
} from "../async-authenticator.js";
import { nkeySignatureFault } from "../nkey.js";
import { CONNECTION_TYPES } from "../user.js";
import type { AccountClaims } from "./account-claims.js";
import { isFromSource, remainingSeconds } from "./connect-limits.js";
import type { JwtUser } from "./jwt-user.js";
import { saysNothing, type UserPermissionLimits } from "./permission-claims.js";
import { fillTemplates } from "./permission-template.js";
import { isRevoked } from "./revocations.js";
import type { OperatorTrust } from "./trust.js";
import { accountKeyOf, decodeUserClaims, type UserClaims, userClaimFaults } from "./user-claims.js";

/** Where the authenticator finds accounts. */
export interface AccountSource {
  /** The account of a key that is valid now, or why there is none. It never rejects. */
  lookup(key: string): Promise<AccountClaims | { readonly fault: string }>;
}

/** What a {@link JwtAuthenticator} goes by. */
export interface JwtAuthenticatorOptions {
  readonly trust: OperatorTrust;
  readonly accounts: AccountSource;
  readonly clock: Clock;
  /** The only accounts that may be used; absent: all. */
  readonly pinnedAccounts?: ReadonlySet<string>;
  /** JWT of connections that bring none. */
  readonly defaultSentinel?: string;
}

/**
 * Lets in users by JWT: signed by an account, which is signed by an operator that is trusted.
 *
 * Source: nats-server auth.go `processClientOrLeafAuthentication`.
 */
export class JwtAuthenticator implements AsyncAuthenticator {
  readonly required = true;
  readonly needsNonce = true;
  // A sentinel needs a CONNECT, so the broker must wait for it.
  readonly hasDefaultUser = false;

  constructor(private readonly options: JwtAuthenticatorOptions) {}

  async authenticate(connect: ConnectOptions, context: AuthContext): Promise<AuthOutcome> {
    const { accounts, clock, pinnedAccounts } = this.options;
    const found = this.userOf(connect.jwt);
    if ("fault" in found) return refused(found.fault);
    const { claims } = found;
    const faults = userClaimFaults(claims, clock.nowMs());
    if (faults.length > 0) return refused(`user JWT no longer valid: ${faults.join(", ")}`);
    // No proxy can be trusted yet, so none did vouch for the connection.
    if (claims.limits.proxyRequired) return refused("the user must come through a trusted proxy");
    const accountKey = accountKeyOf(claims);
    if (pinnedAccounts !== undefined && !pinnedAccounts.has(accountKey)) {
      return refused(`account ${accountKey} is not one of resolver_pinned_accounts`);
    }
    const account = await accounts.lookup(accountKey);
    if ("fault" in account) return refused(account.fault);
    const limits = this.limitsOf(claims, account);
    if ("fault" in limits) return refused(limits.fault);
    const user = { ...found, limits };
    const fault = this.faultOf(user, account) ?? connectionFault(user, { connect, context });
    return fault === undefined ? this.enter(user, account) : refused(fault);
  }

  /** The user of the connection's JWT, or of the sentinel. */
  private userOf(given: string): Pick<JwtUser, "token" | "claims"> | { readonly fault: string } {
    const { defaultSentinel } = this.options;
    const own = decodeUser(given);
    if (!("fault" in own) || defaultSentinel === undefined) return own;
    return decodeUser(defaultSentinel);
  }

  /** What the user may: by its JWT, or by the scope of the key that has signed it. */
  private limitsOf(
    claims: UserClaims,
    account: AccountClaims,
  ): UserPermissionLimits | { readonly fault: string } {
    const { issuer, limits } = claims;
    const isOwnKey = issuer === account.subject && !this.options.trust.strictKeys.has(account.issuer);
    if (!isOwnKey && !account.signingKeys.has(issuer)) return { fault: "user JWT issuer is not known" };
    const scope = account.signingKeys.get(issuer);
    if (scope === undefined) return limits;
    if (!saysNothing(limits)) return { fault: "scoped users require no permissions or limits set" };
    const { permissions, ...rest } = scope.template;
    if (permissions === undefined) return rest;
    const filled = fillTemplates(permissions, claims, account);
    return filled === undefined
      ? { fault: "user JWT generated invalid permissions" }
      : { ...rest, permissions: filled };
  }

  private faultOf({ claims, limits }: Pick<JwtUser, "claims" | "limits">, account: AccountClaims) {
    const { authUsers } = account.authorization;
    if (authUsers.length > 0 && !authUsers.includes(claims.subject))
      return "the account asks a service about its users, which this broker cannot do";
    if (limits.isBearer && account.limits.disallowBearer) return "account does not allow bearer tokens";
    if (isRevoked(account.revocations, claims.subject, claims.issuedAtS))
      return "user authentication revoked";
    return undefined;
  }

  private enter(user: Omit<JwtUser, "usesDefaultPermissions">, account: AccountClaims): AuthOutcome {
    const { claims, limits } = user;
    const nowMs = this.options.clock.nowMs();
    const stayS = remainingSeconds(limits.times, limits.timeZone, nowMs);
    if (stayS === undefined) return refused("outside connect times");
    const expiresAtMs = Math.min(claims.expiresAtS * 1000 || Number.POSITIVE_INFINITY, nowMs + stayS * 1000);
    const permissions = limits.permissions ?? account.defaultPermissions;
    const accepted: Accepted = {
      accepted: true,
      userName: claims.subject,
      accountName: account.subject,
      ...(permissions && { permissions }),
      ...(Number.isFinite(expiresAtMs) && { expiresAtMs }),
      limits: { maxSubscriptions: limits.maxSubscriptions, maxPayloadBytes: limits.maxPayloadBytes },
      jwt: { ...user, usesDefaultPermissions: limits.permissions === undefined },
    };
    return accepted;
  }
}

function decodeUser(token: string): Pick<JwtUser, "token" | "claims"> | { readonly fault: string } {
  if (token === "") return { fault: "authentication requires a user JWT" };
  try {
    return { token, claims: decodeUserClaims(token) };
  } catch (error) {
    if (isGanglionError(error, "INVALID_JWT")) return { fault: `user JWT not valid: ${error.message}` };
    throw error;
  }
}

/** What is wrong with how the user comes in. */
function connectionFault(
  { claims, limits }: Pick<JwtUser, "claims" | "limits">,
  { connect, context }: { readonly connect: ConnectOptions; readonly context: AuthContext },
): string | undefined {
  const allowed = limits.connectionTypes.map((type) => type.toUpperCase());
  const known = CONNECTION_TYPES.filter((type) => allowed.includes(type));
  // Types that are not known are left out; when none is left, that does not allow all.
  if (allowed.length > 0 && !known.includes(context.connectionType)) {
    return `connection type ${context.connectionType} is not allowed for the user`;
  }
  if (!limits.isBearer) {
    const claim = { publicKey: claims.subject, signature: connect.sig, nonce: context.nonce };
    const fault = nkeySignatureFault(claim);
    if (fault !== undefined) return fault;
  }
  return isFromSource(context.host ?? "", limits.sources) ? undefined : `bad source address ${context.host}`;
}
