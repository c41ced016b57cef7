import type { Clock } from "@ganglion/kernel";
import type { JetStream } from "./jetstream.js";
import type { IncomingMessage, OutgoingHeaders, Payload } from "./message.js";

/** What the server said about itself when the connection was made. */
export interface ServerFacts {
  readonly id: string;
  readonly name: string;
  /** Such as `2.9.10`. */
  readonly version: string;
  readonly clusterName: string | undefined;
  /** Largest message, headers and payload together, in bytes. */
  readonly maxPayloadBytes: number;
  readonly jetstream: boolean;
  /** Number of this connection at the server. */
  readonly clientId: number;
}

/**
 * What happened to the connection; facts of the server are in {@link Transport.server}. `lame-duck`: the server will shut down soon, a supervisor should move work
 * away. `closed` is final.
 */
export type TransportStatus =
  | { readonly type: "disconnected" }
  | { readonly type: "reconnected" }
  | { readonly type: "lame-duck" }
  | { readonly type: "error"; readonly error: Error }
  | { readonly type: "closed"; readonly error: Error | undefined };

/** Options of {@link Transport.publish}. */
export interface PublishOptions {
  readonly headers?: OutgoingHeaders | undefined;
  /** Subject answers go to. */
  readonly reply?: string | undefined;
}

/** Options of {@link Transport.subscribe}. */
export interface SubscribeOptions {
  /** Members of one queue group share the messages. */
  readonly queue?: string | undefined;
  /** Called once for each message, in order. Must not throw; what it returns is ignored. */
  readonly onMessage: (message: IncomingMessage) => void;
  /** Called when the server ends the subscription, such as for missing permissions. */
  readonly onError?: (error: Error) => void;
}

/** Interest in a subject. */
export interface TransportSubscription {
  readonly subject: string;
  /** Ends it at once; messages that already arrived are dropped. Idempotent. */
  unsubscribe(): void;
  /** Ends it for new messages and resolves when everything sent before has been handed over. Idempotent. */
  drain(): Promise<void>;
}

/** Options of {@link Transport.request}. */
export interface RequestOptions {
  readonly headers?: OutgoingHeaders | undefined;
  /** Milliseconds until the request fails with `TIMEOUT`. */
  readonly timeoutMs: number;
  /** Ends the wait with `ABORTED`. The message itself is not taken back. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Transport.send}. */
export interface SendOptions {
  readonly headers?: OutgoingHeaders | undefined;
  /** Milliseconds until `onReply` gets `TIMEOUT`. */
  readonly timeoutMs: number;
  /** Keeps the wait open for further replies until it is cancelled or times out. @default false */
  readonly many?: boolean | undefined;
  /**
   * Called with the reply, or with the reason there is none: `NO_RESPONDERS`, `TIMEOUT`, `CONNECTION_CLOSED`. It is
   * called later than `send` returns, and without `many` exactly once unless cancelled.
   */
  readonly onReply: (error: Error | undefined, message: IncomingMessage | undefined) => void;
}

/** A request on its way. */
export interface PendingReply {
  /** The subject replies go to. */
  readonly inbox: string;
  /** Forgets the request: `onReply` is not called any more. Idempotent. */
  cancel(): void;
  /** Starts the timeout anew from now (streams of replies). */
  extend(timeoutMs: number): void;
}

/**
 * Everything Ganglion needs of NATS, in its own terms. `core/src/nats` implements it over a connection; another
 * implementation may live in the process and run on a virtual clock, which is why time comes from `clock` only.
 *
 * Nothing here retries on its own, except that a lost connection is restored and subscriptions with it.
 */
export interface Transport extends AsyncDisposable {
  readonly clock: Clock;
  /** Facts of the server the connection is with, or was last with. */
  readonly server: ServerFacts;
  /** True while messages can be exchanged. */
  readonly connected: boolean;
  readonly jetstream: JetStream;
  /**
   * Sends a message without waiting; it is written with the next turn of the event loop at the latest. While the
   * connection is down, messages are kept for the reconnect.
   *
   * @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED`, `INVALID_HEADER`, `INVALID_SUBJECT`; `BUFFER_FULL`
   *   when the server does not take messages as fast as they are sent
   */
  publish(subject: string, data: Payload, options?: PublishOptions): void;
  /** @throws GanglionError `CONNECTION_CLOSED` */
  subscribe(subject: string, options: SubscribeOptions): TransportSubscription;
  /**
   * Sends a request and waits for one reply.
   *
   * @throws GanglionError `NO_RESPONDERS` at once when nobody listens, `TIMEOUT`, `ABORTED`, `PAYLOAD_TOO_LARGE`,
   *   `CONNECTION_CLOSED`
   */
  request(subject: string, data: Payload, options: RequestOptions): Promise<IncomingMessage>;
  /**
   * The same without a promise, for hot paths and for replies that are many.
   *
   * @throws GanglionError `PAYLOAD_TOO_LARGE`, `CONNECTION_CLOSED`
   */
  send(subject: string, data: Payload, options: SendOptions): PendingReply;
  /** Resolves when the server has processed everything sent before. @throws GanglionError `CONNECTION_CLOSED` */
  flush(): Promise<void>;
  /** Calls `listener` on every change. @returns a function that ends it */
  onStatus(listener: (status: TransportStatus) => void): () => void;
  /** Writes out what is buffered and closes. Requests in flight fail with `CONNECTION_CLOSED`. Idempotent. */
  close(): Promise<void>;
}
