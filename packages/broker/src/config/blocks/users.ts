import type { PermissionRules } from "../../auth/permission-rules.js";
import { CONNECTION_TYPES, type ConnectionType, type User } from "../../auth/user.js";
import { block, field, list, oneOrMore, type Reader, refine } from "../reader.js";
import { flag, nkey, secret, text, wordOf } from "../scalars.js";
import { permissions } from "./permissions.js";

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

const oneUser: Reader<User> = refine(block(fields), (options, given) => {
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
export const users: Reader<readonly User[]> = list(oneUser);

/** Gives `defaults` to the users that have no permissions of their own. */
export function withDefaultPermissions(
  all: readonly User[] | undefined,
  defaults: PermissionRules | undefined,
): readonly User[] | undefined {
  if (defaults === undefined) return all;
  return all && Object.freeze(all.map((user) => Object.freeze({ permissions: defaults, ...user })));
}
