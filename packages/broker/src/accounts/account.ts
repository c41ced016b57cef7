import type { AccountLimitsConfig } from "../config/blocks/accounts.js";
import type { Connection } from "../connection/connection.js";
import { noTraffic } from "../connection/traffic.js";
import { RouterBus } from "../routing/account-bus.js";
import { Router } from "../routing/router.js";

/** Name of the account of connections that belong to no other. Source: nats-server accounts.go `globalAccountName`. */
export const GLOBAL_ACCOUNT = "$G";

/** What the JWT of an account says about it. */
export interface AccountTags {
  /** The name people know it by. */
  readonly nameTag: string;
  readonly tags: readonly string[];
}

/** A space of subjects of its own: connections of different accounts do not hear each other. */
export class Account {
  readonly router = new Router();
  /** The broker's own access: JetStream and other internal services. */
  readonly bus: RouterBus;
  /** The client connections in it. */
  readonly connections = new Set<Connection>();
  limits: AccountLimitsConfig = {};
  /** Of its JWT; empty without one. */
  nameTag = "";
  tags: readonly string[] = [];
  /** Traffic of its connections that are closed. */
  readonly past = noTraffic();
  /** Connections that were closed because they did not read fast enough. */
  slowConsumers = 0;

  constructor(readonly name: string) {
    this.bus = new RouterBus(name, this.router);
  }

  /**
   * Whether its limit leaves no room for another connection.
   *
   * Source: nats-server accounts.go `MaxTotalConnectionsReached`.
   */
  get isFull(): boolean {
    const { maxConnections = -1 } = this.limits;
    return maxConnections >= 0 && this.connections.size >= maxConnections;
  }
}
