import type { ServerInfo } from "@ganglion/protocol";
import type { Accounts } from "../accounts/accounts.js";
import type { Authenticators } from "../auth/authenticators.js";
import type { ResolvedBrokerOptions } from "../options.js";
import type { ConnectionEvents } from "./connection-events.js";
import type { ConnectionRegistry } from "./connection-registry.js";
import type { OutboxEnvironment } from "./outbox.js";

/** What the connections of one broker share. */
export interface BrokerContext {
  readonly options: ResolvedBrokerOptions;
  readonly accounts: Accounts;
  readonly authenticators: Authenticators;
  readonly registry: ConnectionRegistry;
  readonly events: ConnectionEvents;
  readonly outboxEnvironment: OutboxEnvironment;
  /** INFO without what depends on the connection. */
  info(): ServerInfo;
}
