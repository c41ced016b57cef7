import type { TlsPeer } from "../auth/certificate.js";
import type { PermissionRules } from "../auth/permission-rules.js";
import type { ConnectionType } from "../auth/user.js";
import type { ClientIdentity } from "../connection/client-identity.js";

/** A client that wants to come in, with what it shows. What it does not show is empty. */
export interface ConnectionAttempt {
  readonly user: string;
  readonly password: string;
  readonly token: string;
  /** Public key the client has proved to own; one it does not own is refused before anybody is asked. */
  readonly nkey: string;
  /** As sent, not verified. */
  readonly jwt: string;
  readonly name: string;
  readonly lang: string;
  readonly version: string;
  readonly host: string;
  readonly connectionType: ConnectionType;
  /** What its certificate says, when the listener asked for one and verified it. */
  readonly certificate: TlsPeer | undefined;
}

/** As whom a client comes in. */
export interface AdmittedClient {
  /** For logs, monitoring and events. @default what the client calls its user */
  readonly user?: string;
  /** An account that exists. @default "$G" */
  readonly account?: string;
  /** @default everything is allowed */
  readonly permissions?: PermissionRules;
  /** Wall clock when the connection ends, milliseconds since 1970. @default never */
  readonly expiresAtMs?: number;
}

/**
 * Functions of the application that decide for the broker. Whatever is wrong with them, a throw or a value of another
 * kind, counts as no. A hook that is not given costs nothing.
 */
export interface BrokerHooks {
  /**
   * Decides who may connect, alone: users, tokens and operators cannot be given beside it. It has as long as a client
   * has for authentication.
   *
   * @returns undefined to refuse.
   */
  authenticate?(attempt: ConnectionAttempt): AdmittedClient | undefined | Promise<AdmittedClient | undefined>;
  /** Whether a client may publish to `subject`; asked for every message, after its permissions allowed it. */
  authorizePublish?(subject: string, client: ClientIdentity): boolean;
  /** Whether a client may subscribe to `filter`, as a member of a queue group or alone. */
  authorizeSubscribe?(filter: string, queue: string | undefined, client: ClientIdentity): boolean;
}

/** Names of the hooks, to tell wrong ones. */
export const HOOK_NAMES: ReadonlySet<string> = new Set([
  "authenticate",
  "authorizePublish",
  "authorizeSubscribe",
] satisfies (keyof BrokerHooks)[]);

/** What is wrong with hooks as options. */
export function hookFaults(hooks: unknown): readonly string[] {
  if (typeof hooks !== "object" || hooks === null) return ["hooks must be an object"];
  return Object.entries(hooks).flatMap(([name, hook]) => {
    if (!HOOK_NAMES.has(name)) return [`unknown hook "${name}"`];
    return hook === undefined || typeof hook === "function" ? [] : [`hooks.${name} must be a function`];
  });
}
