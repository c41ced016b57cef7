import type { ConnectOptions } from "@ganglion/protocol";
import { GLOBAL_ACCOUNT } from "../accounts/account.js";
import { SYSTEM_ACCOUNT } from "../accounts/accounts.js";
import type { BrokerConfig } from "../config/schema.js";
import {
  type Accepted,
  type AsyncAuthenticator,
  type AuthContext,
  type AuthOutcome,
  refused,
} from "./async-authenticator.js";
import { userOfCertificate } from "./certificate.js";
import { nkeySignatureFault } from "./nkey.js";
import { isToken } from "./token.js";
import type { NkeyUser, PasswordUser, User } from "./user.js";
import { isPasswordOf } from "./user-password.js";

/** The part of a configuration that says who may connect. */
export interface UsersConfig
  extends Pick<BrokerConfig, "authorization" | "accounts" | "noAuthUser" | "systemAccount"> {
  /**
   * Some listener takes users from certificates (`verify_and_map`): then the certificate is the credential of a user
   * without password, and nobody may come in by knowing the name. @default false
   */
  readonly mapsCertificates?: boolean;
  /** This listener takes users from certificates. @default false */
  readonly byCertificate?: boolean;
}

/** A user and the account it belongs to. */
interface Placed<U extends User> {
  readonly user: U;
  readonly accountName: string;
}

/**
 * Lets in the users of a configuration: by nkey, by certificate, by name and password, as `no_auth_user` without credentials, or with
 * the one user or token of the whole broker. Without any of these everybody may connect.
 *
 * Source: nats-server auth.go `processClientOrLeafAuthentication`, `configureAuthorization`.
 */
export class ConfigAuthenticator implements AsyncAuthenticator {
  readonly required: boolean;
  readonly hasDefaultUser: boolean;
  readonly needsNonce: boolean;
  private readonly nkeyUsers = new Map<string, Placed<NkeyUser>>();
  private readonly passwordUsers = new Map<string, Placed<PasswordUser>>();

  constructor(private readonly config: UsersConfig) {
    const { authorization = {}, accounts = [] } = config;
    this.addUsers(authorization.users ?? [], GLOBAL_ACCOUNT);
    for (const { name, users } of accounts) this.addUsers(users, name);
    const { user, token, users } = authorization;
    const hasUsers = this.nkeyUsers.size + this.passwordUsers.size > 0;
    // An empty list of users lets nobody in.
    this.required = hasUsers || users !== undefined || Boolean(user) || Boolean(token);
    this.needsNonce = this.nkeyUsers.size > 0;
    this.hasDefaultUser = Boolean(config.noAuthUser);
  }

  authenticate(options: ConnectOptions, context: AuthContext): AuthOutcome | Promise<AuthOutcome> {
    const { noAuthUser, byCertificate = false } = this.config;
    if (!this.required || (this.isForAdministratorsOnly && !hasCredentials(options))) {
      return { accepted: true, userName: options.user, accountName: GLOBAL_ACCOUNT };
    }
    // Certificates are asked first, but for a no_auth_user that is an nkey.
    if (noAuthUser && !hasCredentials(options) && !(byCertificate && !this.nkeyUsers.has(noAuthUser))) {
      return this.withoutCredentials(noAuthUser, context);
    }
    if (this.nkeyUsers.size > 0 && options.nkey !== "") return this.byNkey(options, context);
    if (this.passwordUsers.size > 0 && byCertificate) return this.byCertificate(options, context);
    if (this.passwordUsers.size > 0 && options.user !== "") return this.byPassword(options, context);
    return this.bySingleUserOrToken(options);
  }

  /**
   * Whether the users are those of the system account and nobody spoke of others: then everybody may connect.
   *
   * Source: nats-server server.go `configureAccounts`, at `sysAccOnlyNoAuthUser`.
   */
  private get isForAdministratorsOnly(): boolean {
    const { authorization, accounts = [], noAuthUser, systemAccount = SYSTEM_ACCOUNT } = this.config;
    const [only, ...others] = accounts;
    return authorization === undefined && !noAuthUser && others.length === 0 && only?.name === systemAccount;
  }

  private addUsers(users: readonly User[], accountName: string): void {
    for (const user of users) {
      if ("nkey" in user) this.nkeyUsers.set(user.nkey, { user, accountName });
      else this.passwordUsers.set(user.user, { user, accountName });
    }
  }

  private withoutCredentials(name: string, context: AuthContext): AuthOutcome {
    const placed = this.nkeyUsers.get(name) ?? this.passwordUsers.get(name);
    return placed === undefined
      ? refused(`no_auth_user "${name}" is not defined`)
      : enter(placed, name, context);
  }

  private byNkey({ nkey, sig }: ConnectOptions, context: AuthContext): AuthOutcome {
    const placed = this.nkeyUsers.get(nkey);
    if (placed === undefined) return refused("unknown nkey");
    const fault = nkeySignatureFault({ publicKey: nkey, signature: sig, nonce: context.nonce });
    return fault === undefined ? enter(placed, nkey, context) : refused(fault);
  }

  private async byPassword({ user, pass }: ConnectOptions, context: AuthContext): Promise<AuthOutcome> {
    const placed = this.passwordUsers.get(user);
    if (placed === undefined) return refused("unknown user");
    if (!placed.user.password && this.config.mapsCertificates)
      return refused("the user must bring a certificate");
    return (await isPasswordOf(placed.user, pass)) ? enter(placed, user, context) : refused("wrong password");
  }

  /** The certificate names the user; a password the user has is asked for as well. */
  private async byCertificate({ pass }: ConnectOptions, context: AuthContext): Promise<AuthOutcome> {
    if (context.tlsPeer === undefined) return refused("no certificate was shown");
    const allowed = [...this.passwordUsers].filter(([, { user }]) => isAllowed(user, context));
    const placed = userOfCertificate(context.tlsPeer, new Map(allowed));
    if (placed === undefined) return refused("the certificate stands for no user");
    const isKnown = await isPasswordOf(placed.user, pass);
    return isKnown ? enter(placed, placed.user.user, context) : refused("wrong password");
  }

  private async bySingleUserOrToken(options: ConnectOptions): Promise<AuthOutcome> {
    const { user, password, token } = this.config.authorization ?? {};
    const accepted: Accepted = { accepted: true, userName: options.user, accountName: GLOBAL_ACCOUNT };
    if (token) return (await isToken(options.auth_token, token)) ? accepted : refused("wrong token");
    if (!user || user !== options.user) return refused("unknown user");
    return (await isPasswordOf({ ...(password === undefined ? {} : { password }) }, options.pass))
      ? accepted
      : refused("wrong password");
  }
}

function hasCredentials({ user, pass, auth_token, nkey }: ConnectOptions): boolean {
  return user !== "" || pass !== "" || auth_token !== "" || nkey !== "";
}

function isAllowed({ connectionTypes = [] }: User, { connectionType }: AuthContext): boolean {
  return connectionTypes.length === 0 || connectionTypes.includes(connectionType);
}

function enter({ user, accountName }: Placed<User>, userName: string, context: AuthContext): AuthOutcome {
  const { permissions, proxyRequired } = user;
  if (!isAllowed(user, context)) {
    return refused(`connection type ${context.connectionType} is not allowed for the user`);
  }
  // No proxy can be trusted yet, so none did vouch for the connection.
  if (proxyRequired) return refused("the user must come through a trusted proxy");
  return { accepted: true, userName, accountName, ...(permissions === undefined ? {} : { permissions }) };
}

/** The users of the broker's listener. */
export function clientUsers(config: BrokerConfig): UsersConfig {
  const { authorization, accounts, noAuthUser, systemAccount, tls, websocket, leafnodes } = config;
  return {
    ...(authorization && { authorization }),
    ...(systemAccount && { systemAccount }),
    ...(accounts && { accounts }),
    ...(noAuthUser && { noAuthUser }),
    byCertificate: tls?.verifyAndMap === true,
    mapsCertificates: [tls, websocket?.tls, leafnodes?.tls].some((block) => block?.verifyAndMap === true),
  };
}

/**
 * The users of the WebSocket listener: its own user, token or `no_auth_user` stand in for the broker's, if it has any.
 *
 * Source: nats-server websocket.go `wsConfigAuth`.
 */
export function webSocketUsers(config: BrokerConfig): UsersConfig {
  const { websocket: { authorization: own, noAuthUser, tls } = {} } = config;
  const shared = { ...clientUsers(config), byCertificate: tls?.verifyAndMap === true };
  if (!own?.user && !own?.token && !noAuthUser) return shared;
  const { users } = shared.authorization ?? {};
  const { noAuthUser: _, ...rest } = shared;
  return { ...rest, authorization: { ...(users && { users }), ...own }, ...(noAuthUser && { noAuthUser }) };
}
