import type { ConnectOptions } from "@ganglion/protocol";
import type { TlsPeer } from "./certificate.js";
import type { JwtUser } from "./jwt/jwt-user.js";
import type { PermissionRules } from "./permission-rules.js";
import type { ConnectionType } from "./user.js";

/** What the broker knows of a connection beside its CONNECT. */
export interface AuthContext {
  /** The bytes a client signs: `nonce` of INFO, as sent. Absent when none was sent. */
  readonly nonce?: Uint8Array;
  readonly connectionType: ConnectionType;
  /** Address of the peer. */
  readonly host?: string;
  /** The client's certificate, when the listener asked for one and verified it. */
  readonly tlsPeer?: TlsPeer;
}

/** A connection that is let in. */
export interface Accepted {
  readonly accepted: true;
  /** For logs, /connz and `$SYS.REQ.USER.INFO`: a name, a public key, or empty. */
  readonly userName: string;
  readonly accountName: string;
  /** Absent: everything is allowed. */
  readonly permissions?: PermissionRules;
  /** Wall clock when the connection must end, milliseconds since 1970. Absent: never. */
  readonly expiresAtMs?: number;
  /** The user's own limits; those of the account and of the broker hold beside them. */
  readonly limits?: ConnectionLimits;
  /** The JWT it came in with. */
  readonly jwt?: JwtUser;
}

/** Limits of one connection. -1 or absent: none. */
export interface ConnectionLimits {
  readonly maxSubscriptions?: number;
  readonly maxPayloadBytes?: number;
}

/** A connection that is turned away. */
export interface Refused {
  readonly accepted: false;
  /** Why, for the log. The client is only told "Authorization Violation". */
  readonly reason: string;
}

export type AuthOutcome = Accepted | Refused;

/** Decides who may connect. */
export interface AsyncAuthenticator {
  /** Whether CONNECT must come first. INFO says so as `auth_required`, unless there is a default user. */
  readonly required: boolean;
  /** Whether a connection without credentials is let in as a certain user. */
  readonly hasDefaultUser: boolean;
  /** Whether INFO must have a `nonce` for clients to sign. */
  readonly needsNonce: boolean;
  /**
   * Never rejects for what a client sends. It may take long: handle no operation of the connection meanwhile, and
   * drop the outcome when the connection was closed. Without credentials and with a default user it is decided at
   * once.
   */
  authenticate(options: ConnectOptions, context: AuthContext): AuthOutcome | Promise<AuthOutcome>;
}

/** Turns a connection away. */
export function refused(reason: string): Refused {
  return { accepted: false, reason };
}
