import type { AccountLimitsConfig } from "../config/blocks/accounts.js";
import type { Connection } from "../connection/connection.js";
import { noTraffic } from "../connection/traffic.js";
import { RouterBus } from "../routing/account-bus.js";
import type { Publisher } from "../routing/publisher.js";
import { Router } from "../routing/router.js";
import { type AccountEnvironment, NO_BROKER } from "./account-environment.js";
import type { OperatedAccount } from "./operated-account.js";
import { AwaitedReplies, ServiceResponses } from "./service-responses.js";
import type { SubjectMappings } from "./subject-mappings.js";

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
  /** What becomes of subjects clients publish to; undefined: they stay as they are. */
  mappings: SubjectMappings | undefined;
  private ownResponses: ServiceResponses | undefined;
  private ownAwaited: AwaitedReplies | undefined;
  /** Traffic of its connections that are closed. */
  readonly past = noTraffic();
  /** Connections that were closed because they did not read fast enough. */
  slowConsumers = 0;

  constructor(
    readonly name: string,
    readonly environment: AccountEnvironment = NO_BROKER,
  ) {
    this.bus = new RouterBus(name, this.router);
  }

  /** The name people know it by; empty when only a JWT could say, and none does. */
  get nameTag(): string {
    return this.operated?.claims.name ?? "";
  }

  /** The answers its services owe to other accounts. */
  get responses(): ServiceResponses {
    this.ownResponses ??= new ServiceResponses(this);
    return this.ownResponses;
  }

  /** The answers its clients wait for. */
  get awaited(): AwaitedReplies {
    this.ownAwaited ??= new AwaitedReplies(this);
    return this.ownAwaited;
  }

  /** What a literal subject is mapped to. */
  mapped(subject: string): string {
    return this.mappings?.map(subject) ?? subject;
  }

  /** The client that publishes; undefined when the broker itself does. */
  connectionOf({ origin }: Publisher): Connection | undefined {
    return origin === undefined ? undefined : this.environment.findConnection(origin.clientId);
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
