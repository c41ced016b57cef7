import type { Duplex } from "node:stream";

/** A NATS server that can be connected to, and given back. */
export interface NatsEndpoint extends AsyncDisposable {
  /** Addresses such as `nats://127.0.0.1:4222`, at least one. */
  readonly servers: readonly string[];
  /**
   * Opens a connection without a socket, when the server runs in this process: the stream speaks the NATS protocol.
   * Absent: `servers` are dialled.
   */
  connectInProcess?(): Duplex;
  /** Releases the server: a broker that was started for this use stops. Idempotent. */
  close(): Promise<void>;
}

/**
 * Something that provides a NATS server for an application. `embedded()` of `@ganglion/broker` is one;
 * it is declared here so that the framework and the broker need not know each other.
 */
export interface NatsSource {
  /** For logs, such as `embedded broker`. */
  readonly description: string;
  /** Starts or joins the server. */
  open(signal?: AbortSignal): Promise<NatsEndpoint>;
}
