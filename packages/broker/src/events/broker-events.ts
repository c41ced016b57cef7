import type { Logger } from "@ganglion/kernel";
import { type ClientIdentity, clientIdentity } from "../connection/client-identity.js";
import { CLOSE_REASON, type CloseReason } from "../connection/close-reason.js";
import type { Connection } from "../connection/connection.js";
import type { ConnectionListener } from "../connection/connection-events.js";

/** What a broker tells the application it runs in, by the name of the event. */
export interface BrokerEventMap {
  /** A client has come in. */
  readonly client: { readonly client: ClientIdentity };
  /** A client that had come in is gone. */
  readonly disconnect: { readonly client: ClientIdentity; readonly reason: CloseReason };
  /** A client was turned away. */
  readonly authFailure: { readonly client: ClientIdentity; readonly reason: CloseReason };
  /** A client is closed because it did not read fast enough; `disconnect` follows. */
  readonly slowConsumer: {
    readonly client: ClientIdentity;
    readonly reason: CloseReason;
    /** What waited for it. */
    readonly pendingBytes: number;
  };
  /** The broker is about to stop, and tells its clients to go elsewhere. */
  readonly lameDuck: Readonly<Record<string, never>>;
  /** Options were taken over. */
  readonly reload: { readonly changed: readonly string[] };
  /** Something failed in the background; it is logged as well. */
  readonly error: { readonly message: string; readonly error: unknown };
}

export type BrokerEventName = keyof BrokerEventMap;

type Listener = (event: never) => void;

const SLOW: ReadonlySet<CloseReason> = new Set([
  CLOSE_REASON.slowConsumerPendingBytes,
  CLOSE_REASON.slowConsumerWriteDeadline,
]);

/** The listeners of a broker. */
export class BrokerEvents implements ConnectionListener {
  private readonly listeners = new Map<BrokerEventName, Set<Listener>>();
  /** Connections that have come in and are not gone. */
  private readonly present = new Set<Connection>();

  constructor(private readonly logger: () => Logger) {}

  /** @returns a function that ends it. */
  on<Name extends BrokerEventName>(name: Name, listener: (event: BrokerEventMap[Name]) => void): () => void {
    const listeners = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, listeners);
    // Every call is a registration of its own, also of a function that listens already.
    const own: Listener = (event) => listener(event);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  /** Calls the listeners. One that throws is logged, and the others are called all the same. */
  emit<Name extends BrokerEventName>(name: Name, event: BrokerEventMap[Name]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        listener(event as never); // `on` has put it below its own name
      } catch (error) {
        // Without the field `error`, which would become an event again.
        this.logger().error(`a listener of "${name}" threw ${String(error)}`);
      }
    }
  }

  entered(connection: Connection): void {
    if (this.present.has(connection)) return; // a second CONNECT
    this.present.add(connection);
    this.emit("client", { client: clientIdentity(connection) });
  }

  refused(connection: Connection, reason: CloseReason): void {
    this.emit("authFailure", { client: clientIdentity(connection), reason });
  }

  left(connection: Connection, reason: CloseReason): void {
    if (!this.present.delete(connection)) {
      if (reason === CLOSE_REASON.authenticationTimeout) this.refused(connection, reason);
      return;
    }
    const client = clientIdentity(connection);
    if (SLOW.has(reason))
      this.emit("slowConsumer", { client, reason, pendingBytes: connection.outbox.pendingBytes });
    this.emit("disconnect", { client, reason });
  }
}
