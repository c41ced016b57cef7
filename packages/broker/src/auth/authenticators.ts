import type { BrokerConfig } from "../config/schema.js";
import type { AsyncAuthenticator } from "./async-authenticator.js";
import { ConfigAuthenticator, clientUsers, webSocketUsers } from "./config-authenticator.js";
import type { ConnectionType } from "./user.js";

/** Who decides about the connections of each listener. */
export class Authenticators {
  private clients: AsyncAuthenticator;
  private webSocket: AsyncAuthenticator;
  /** In operator mode it decides alone. */
  private operated: AsyncAuthenticator | undefined;

  constructor(config: BrokerConfig) {
    this.clients = new ConfigAuthenticator(clientUsers(config));
    this.webSocket = new ConfigAuthenticator(webSocketUsers(config));
  }

  /** Takes over a changed configuration, for connections that come and for the check of those that are there. */
  configure(config: BrokerConfig): void {
    this.clients = new ConfigAuthenticator(clientUsers(config));
    this.webSocket = new ConfigAuthenticator(webSocketUsers(config));
  }

  /** From now on users come with JWTs. */
  operate(authenticator: AsyncAuthenticator): void {
    this.operated = authenticator;
  }

  of(type: ConnectionType): AsyncAuthenticator {
    if (this.operated !== undefined) return this.operated;
    return type === "WEBSOCKET" ? this.webSocket : this.clients;
  }
}
