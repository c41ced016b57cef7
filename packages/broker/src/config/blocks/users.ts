import { block, field, list, oneOrMore, type Reader, refine } from "../reader.js";
import { flag, nkey, secret, text, wordOf } from "../scalars.js";
import { type PermissionRules, permissions } from "./permissions.js";

/** How a connection comes in. Source: nats-io/jwt `ConnectionType…`. */
export const CONNECTION_TYPES = [
  "STANDARD",
  "WEBSOCKET",
  "LEAFNODE",
  "LEAFNODE_WS",
  "MQTT",
  "MQTT_WS",
  "IN_PROCESS",
] as const;

/** One of {@link CONNECTION_TYPES}. */
export type ConnectionType = (typeof CONNECTION_TYPES)[number];

const connectionType = wordOf<ConnectionType>(
  Object.fromEntries(CONNECTION_TYPES.map((type) => [type.toLowerCase(), type])),
);

const fields = {
  user: field("user username", text),
  password: field("pass password", secret),
  nkey: field("nkey", nkey("user")),
  permissions: field("permissions permission authorization", permissions),
  connectionTypes: field("allowed_connection_types connection_types clients", oneOrMore(connectionType)),
  proxyRequired: field("proxy_required", flag),
};

/** What holds for a user however it authenticates. */
interface UserRules {
  /** Absent: everything is allowed. */
  readonly permissions?: PermissionRules;
  /** Absent or empty: all. */
  readonly connectionTypes?: readonly ConnectionType[];
  readonly proxyRequired?: boolean;
}

/** A user that signs the nonce. */
export interface NkeyUserConfig extends UserRules {
  /** The public key. */
  readonly nkey: string;
}

/** A user with a password, plain or hashed by bcrypt; without one when the certificate is the credential. */
export interface PasswordUserConfig extends UserRules {
  readonly user: string;
  readonly password?: string;
}

export type UserConfig = NkeyUserConfig | PasswordUserConfig;

/** The name by which two users are the same. */
export function identityOf(user: UserConfig): string {
  return "nkey" in user ? user.nkey : user.user;
}

const oneUser: Reader<UserConfig> = refine(block(fields), (options, given) => {
  const { nkey: publicKey, user, password, ...rules } = options;
  // A key with a fault was reported already.
  const namesNkey =
    given.value.kind === "map" && [...given.value.entries.keys()].some((key) => /^nkey$/i.test(key));
  if (namesNkey && (user || password))
    return given.fault("a user with an nkey takes no user name or password");
  if (namesNkey) return publicKey === undefined ? undefined : Object.freeze({ ...rules, nkey: publicKey });
  if (!user) return given.fault("a user needs a user name or an nkey");
  return Object.freeze({ ...rules, user, ...(password === undefined ? {} : { password }) });
});

/** Source: nats-server opts.go `parseUsers`. */
export const users: Reader<readonly UserConfig[]> = list(oneUser);

/** Gives `defaults` to the users that have no permissions of their own. */
export function withDefaultPermissions(
  all: readonly UserConfig[] | undefined,
  defaults: PermissionRules | undefined,
): readonly UserConfig[] | undefined {
  if (defaults === undefined) return all;
  return all && Object.freeze(all.map((user) => Object.freeze({ permissions: defaults, ...user })));
}
