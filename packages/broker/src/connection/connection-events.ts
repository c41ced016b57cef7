import type { CloseReason } from "./close-reason.js";
import type { Connection } from "./connection.js";

/** Wants to know what happens to connections. Its methods are called in the middle of it, and must not throw. */
export interface ConnectionListener {
  /** The connection has come into its account. */
  entered?(connection: Connection): void;
  /** It was turned away; it is closed in a moment. */
  refused?(connection: Connection, reason: CloseReason): void;
  /** It is closed; it is still in its account. */
  left?(connection: Connection, reason: CloseReason): void;
}

/** Tells listeners what happens to the connections of a broker. */
export class ConnectionEvents {
  private readonly listeners = new Set<ConnectionListener>();

  /** @returns a function that ends it. */
  listen(listener: ConnectionListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  entered(connection: Connection): void {
    for (const listener of this.listeners) listener.entered?.(connection);
  }

  refused(connection: Connection, reason: CloseReason): void {
    for (const listener of this.listeners) listener.refused?.(connection, reason);
  }

  left(connection: Connection, reason: CloseReason): void {
    for (const listener of this.listeners) listener.left?.(connection, reason);
  }
}
