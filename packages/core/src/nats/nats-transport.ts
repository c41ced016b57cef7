import { type Clock, GanglionError } from "@ganglion/kernel";
import { HeaderBlock } from "../transport/header-block.js";
import type { JetStream } from "../transport/jetstream.js";
import type { IncomingMessage, Payload } from "../transport/message.js";
import type {
  PendingReply,
  PublishOptions,
  RequestOptions,
  SendOptions,
  ServerFacts,
  SubscribeOptions,
  Transport,
  TransportStatus,
  TransportSubscription,
} from "../transport/transport.js";
import { Connection } from "./connection.js";
import { NatsJetStream } from "./jetstream/nats-jetstream.js";
import { checkSubject, type Link } from "./link.js";
import { Multiplexer } from "./multiplexer.js";
import {
  type NatsOptions,
  type NatsSurroundings,
  type ResolvedNatsOptions,
  resolveNatsOptions,
} from "./nats-options.js";
import type { Dial } from "./socket.js";
import { WireMessage } from "./wire-message.js";

/** What {@link connectNats} needs of its surroundings. */
export interface ConnectSurroundings extends NatsSurroundings {
  /** Opens streams to servers. @default TCP */
  readonly dial?: Dial;
}

/**
 * Connects to a NATS server.
 *
 * @throws GanglionError `CONNECTION_FAILED`, `INVALID_OPTIONS`, `INVALID_CREDENTIALS`
 * @example await using transport = await connectNats({ servers: "nats://127.0.0.1:4222" });
 */
export async function connectNats(
  options: NatsOptions,
  surroundings: ConnectSurroundings = {},
): Promise<Transport> {
  const resolved = resolveNatsOptions(options, surroundings);
  const connection = await Connection.open(resolved, surroundings.dial);
  return new NatsTransport(connection, resolved);
}

/** The {@link Transport} over a lasting connection. */
export class NatsTransport implements Transport {
  readonly jetstream: JetStream;

  readonly clock: Clock;
  private readonly multiplexer: Multiplexer;

  constructor(
    private readonly connection: Link,
    options: ResolvedNatsOptions,
  ) {
    this.clock = options.clock;
    this.multiplexer = new Multiplexer(connection, options);
    this.jetstream = new NatsJetStream(this, connection, options);
  }

  get server(): ServerFacts {
    const { info } = this.connection;
    return {
      id: info.server_id,
      name: info.server_name,
      version: info.version,
      clusterName: info.cluster,
      maxPayloadBytes: info.max_payload,
      jetstream: info.jetstream ?? false,
      clientId: info.client_id ?? 0,
    };
  }

  get connected(): boolean {
    return this.connection.connected;
  }

  publish(subject: string, data: Payload, options?: PublishOptions): void {
    const headers = options?.headers;
    const reply = options?.reply;
    if (reply !== undefined) checkSubject(reply);
    this.connection.publish({
      subject,
      reply,
      headers: headers === undefined ? undefined : HeaderBlock.of(headers),
      data,
    });
  }

  subscribe(subject: string, { queue, onMessage, onError }: SubscribeOptions): TransportSubscription {
    const { connection } = this;
    const sid = connection.subscribe({
      subject,
      queue,
      receive: (frame) => onMessage(new WireMessage(frame)),
      onError,
    });
    return {
      subject,
      unsubscribe: () => connection.unsubscribe(sid),
      drain: () => connection.drain(sid),
    };
  }

  send(subject: string, data: Payload, options: SendOptions): PendingReply {
    return this.multiplexer.send(subject, data, options);
  }

  request(subject: string, data: Payload, options: RequestOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) return reject(aborted(subject, signal));
      const pending = this.multiplexer.send(subject, data, {
        headers: options.headers,
        timeoutMs: options.timeoutMs,
        onReply: (error, message) => {
          signal?.removeEventListener("abort", onAbort);
          if (message === undefined) reject(error);
          else resolve(message);
        },
      });
      const onAbort = () => {
        pending.cancel();
        reject(aborted(subject, signal));
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  flush(): Promise<void> {
    return this.connection.flush();
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.connection.onStatus(listener);
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function aborted(subject: string, signal: AbortSignal | undefined): GanglionError {
  return new GanglionError("ABORTED", `The request to ${subject} was aborted`, { cause: signal?.reason });
}
