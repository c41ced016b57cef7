import { GLOBAL_ACCOUNT } from "../../accounts/account.js";
import { block, field, list, mapOf, type OptionsOf, type Reader, refine } from "../reader.js";
import { flag, nkey, secret, text, timeout } from "../scalars.js";
import { permissions } from "./permissions.js";
import { users, withDefaultPermissions } from "./users.js";

const calloutFields = {
  issuer: field("issuer", nkey("account"), "Account key that signs the answers of the service."),
  account: field("account acc", text, "Account the service runs in."),
  authUsers: field("auth_users users", list(text), "Users that are not asked about: the service itself."),
  xkey: field("xkey key", nkey("curve"), "Curve key to encrypt with."),
  allowedAccounts: field("allowed_accounts", list(text), "Accounts the service is asked for; absent: all."),
};

/** `auth_callout`: a service decides about connections. */
export type AuthCalloutConfig = OptionsOf<typeof calloutFields>;

/** Source: nats-server opts.go `parseAuthCallout`. */
const authCallout: Reader<AuthCalloutConfig> = refine(block(calloutFields), (callout, given) => {
  const keys = [...(mapOf(given)?.entries.keys() ?? [])].map((key) => key.toLowerCase());
  if (!keys.includes("issuer")) return given.fault(`${given.name} needs an issuer`);
  if (!callout.authUsers?.length) return given.fault(`${given.name} needs auth_users`);
  return Object.freeze({ account: GLOBAL_ACCOUNT, ...callout });
});

const fields = {
  user: field("user username", text),
  password: field("pass password", secret, "Plain or hashed by bcrypt."),
  token: field("token", secret, "Plain or hashed by bcrypt."),
  timeoutMs: field("timeout", timeout, "Time a connection has to authenticate."),
  users: field("users", users),
  defaultPermissions: field(
    "default_permissions default_permission permissions",
    permissions,
    "For the users that have none of their own; they are in `users` already.",
  ),
  authCallout: field("auth_callout auth_hook", authCallout),
  proxyRequired: field("proxy_required", flag),
};

/** Who may connect: one user, one token, or several users. */
export type AuthorizationConfig = OptionsOf<typeof fields>;

/** Source: nats-server opts.go `parseAuthorization` and its caller. */
export const authorization: Reader<AuthorizationConfig> = refine(block(fields), (options, given) => {
  const { user, password, token, users: several, defaultPermissions } = options;
  if ((user || password) && token)
    given.fault("a user or password and a token exclude each other", given.placeOf("token"));
  if (several !== undefined && user)
    given.fault("a single user and a list of users exclude each other", given.placeOf("users"));
  if (several !== undefined && token)
    given.fault("a token and a list of users exclude each other", given.placeOf("users"));
  const all = withDefaultPermissions(several, defaultPermissions);
  return Object.freeze({ ...options, ...(all === undefined ? {} : { users: all }) });
});

const simpleFields = {
  user: fields.user,
  password: fields.password,
  token: fields.token,
  timeoutMs: fields.timeoutMs,
};

/** Who may connect to the WebSocket listener. It replaces the broker's own authorization. */
export type SimpleAuthorizationConfig = OptionsOf<typeof simpleFields>;

/** Source: nats-server opts.go `parseSimpleAuth`. */
export const simpleAuthorization: Reader<SimpleAuthorizationConfig> = block(simpleFields);

const peerFields = { ...simpleFields, defaultPermissions: fields.defaultPermissions };

/** Who may connect as a route or gateway. */
export type PeerAuthorizationConfig = OptionsOf<typeof peerFields>;

const NO_USERS = "brokers share one user and password";

/** Source: nats-server opts.go `parseCluster`, `parseGateway`. */
export const peerAuthorization: Reader<PeerAuthorizationConfig> = refine(
  block(
    { ...peerFields, proxyRequired: fields.proxyRequired },
    {
      unsupported: { users: NO_USERS, auth_callout: NO_USERS, auth_hook: NO_USERS },
    },
  ),
  ({ proxyRequired: _, ...options }, given) =>
    options.token ? given.fault("brokers do not use tokens", given.placeOf("token")) : Object.freeze(options),
);
