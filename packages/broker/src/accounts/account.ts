import type { AccountLimitsConfig } from "../config/blocks/accounts.js";
import type { Connection } from "../connection/connection.js";
import { noTraffic } from "../connection/traffic.js";
import { RouterBus } from "../routing/account-bus.js";
import { Router } from "../routing/router.js";
import type { OperatedAccount } from "./operated-account.js";

/** Name of the account of connections that belong to no other. Source: nats-server accounts.go `globalAccountName`. */
export const GLOBAL_ACCOUNT = "$G";

/** A space of subjects of its own: connections of different accounts do not hear each other. */
export class Account {
  readonly router = new Router();
  /** The broker's own access: JetStream and other internal services. */
  readonly bus: RouterBus;
  /** The client connections in it. */
  readonly connections = new Set<Connection>();
  limits: AccountLimitsConfig = {};
  /** What its JWT says, in operator mode. */
  operated: OperatedAccount | undefined;
  /** Traffic of its connections that are closed. */
  readonly past = noTraffic();
  /** Connections that were closed because they did not read fast enough. */
  slowConsumers = 0;

  constructor(readonly name: string) {
    this.bus = new RouterBus(name, this.router);
  }

  /** The name people know it by; empty when only a JWT could say, and none does. */
  get nameTag(): string {
    return this.operated?.claims.name ?? "";
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
