import type { PermissionRules } from "./permission-rules.js";

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

/** What holds for a user however it authenticates. */
export interface UserRules {
  /** Absent: everything is allowed. */
  readonly permissions?: PermissionRules;
  /** Absent or empty: all. */
  readonly connectionTypes?: readonly ConnectionType[];
  /** Must come through a trusted proxy. */
  readonly proxyRequired?: boolean;
}

/** A user that signs the nonce. */
export interface NkeyUser extends UserRules {
  /** The public key. */
  readonly nkey: string;
}

/** A user with a password, plain or hashed by bcrypt; without one where the certificate is the credential. */
export interface PasswordUser extends UserRules {
  readonly user: string;
  readonly password?: string;
}

export type User = NkeyUser | PasswordUser;

/** The name by which two users are the same. */
export function identityOf(user: User): string {
  return "nkey" in user ? user.nkey : user.user;
}
