import type { ConnectOptions } from "@ganglion/protocol";

/** What a connection shows to be let in. */
export interface Credentials {
  readonly options: ConnectOptions;
  /** Address of the peer. */
  readonly host: string;
}

/** Who a connection turned out to be. */
export interface Identity {
  readonly accountName: string;
  /** For logs and /connz; empty when there is none. */
  readonly userName: string;
}

/** Decides who may connect. */
export interface Authenticator {
  /** Whether CONNECT must come first, with credentials. INFO says so as `auth_required`. */
  readonly required: boolean;
  /** @returns undefined when the connection is refused. */
  authenticate(credentials: Credentials): Identity | undefined;
}
