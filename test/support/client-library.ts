import type { ConsumerMessages, JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { JetStreamApiError, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm, type KvOptions } from "@nats-io/kv";
import type { ConnectionOptions, MsgHdrs, NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore, type ObjectStoreOptions, Objm } from "@nats-io/obj";
import * as current from "@nats-io/transport-node";
import * as classic from "nats";

/** What a client library told about a failed call, in words both libraries share. */
export type Failure = "no responders" | "timeout" | `api error ${number}` | `other: ${string}`;

/**
 * An official client library behind the surface both generations have in common, so that one scenario runs
 * with each. Types are those of the current generation.
 */
export interface ClientLibrary {
  readonly name: string;
  connect(options: ConnectionOptions): Promise<NatsConnection>;
  headers(): MsgHdrs;
  jetstream(connection: NatsConnection): JetStreamClient;
  manager(connection: NatsConnection): Promise<JetStreamManager>;
  /** Messages of an existing durable push consumer. */
  push(connection: NatsConnection, stream: string, durable: string): Promise<PushMessages>;
  /** Creates or opens a key-value bucket. */
  bucket(connection: NatsConnection, name: string, options?: Partial<KvOptions>): Promise<KV>;
  /** Creates or opens an object store. */
  objects(
    connection: NatsConnection,
    name: string,
    options?: Partial<ObjectStoreOptions>,
  ): Promise<ObjectStore>;
  failure(error: unknown): Failure;
}

/** The part of a push consumer's iterator that scenarios use. */
export interface PushMessages extends Pick<ConsumerMessages, typeof Symbol.asyncIterator> {
  stop(): Promise<void>;
}

/** `@nats-io/*` 3: the generation split into packages. */
const currentLibrary: ClientLibrary = {
  name: "@nats-io 3",
  connect: (options) => current.connect(options),
  headers: () => current.headers(),
  jetstream: (connection) => jetstream(connection),
  manager: (connection) => jetstreamManager(connection),
  async push(connection, stream, durable) {
    const consumer = await jetstream(connection).consumers.getPushConsumer(stream, durable);
    const messages = await consumer.consume();
    return {
      [Symbol.asyncIterator]: () => messages[Symbol.asyncIterator](),
      stop: async () => void (await messages.close()),
    };
  },
  bucket: (connection, name, options) => new Kvm(connection).create(name, options),
  objects: (connection, name, options) => new Objm(connection).create(name, options),
  failure: (error) => {
    for (const cause of causes(error)) {
      if (cause instanceof current.NoRespondersError) return "no responders";
      if (cause instanceof current.TimeoutError) return "timeout";
      if (cause instanceof JetStreamApiError) return `api error ${cause.code}`;
    }
    return other(error);
  },
};

/** `nats` 2: one package, still the most installed. */
const classicLibrary: ClientLibrary = {
  name: "nats 2",
  connect: async (options) => asCurrent(await classic.connect(options as classic.ConnectionOptions)),
  headers: () => classic.headers() as unknown as MsgHdrs,
  jetstream: (connection) => asClassic(connection).jetstream() as unknown as JetStreamClient,
  manager: async (connection) =>
    (await asClassic(connection).jetstreamManager()) as unknown as JetStreamManager,
  async push(connection, stream, durable) {
    const options = classic.consumerOpts().bind(stream, durable).manualAck();
    const messages = await asClassic(connection).jetstream().subscribe("", options);
    return {
      [Symbol.asyncIterator]: () =>
        messages[Symbol.asyncIterator]() as ReturnType<PushMessages[typeof Symbol.asyncIterator]>,
      stop: async () => messages.unsubscribe(),
    };
  },
  bucket: async (connection, name, options) =>
    (await asClassic(connection)
      .jetstream()
      .views.kv(name, options as Partial<classic.KvOptions>)) as unknown as KV,
  objects: async (connection, name, options) =>
    (await asClassic(connection)
      .jetstream()
      .views.os(name, options as Partial<classic.ObjectStoreOptions>)) as unknown as ObjectStore,
  failure: (error) => {
    for (const cause of causes(error)) {
      const { code, api_error: apiError } = cause as classic.NatsError;
      if (apiError?.err_code !== undefined) return `api error ${apiError.err_code}`;
      if (code === classic.ErrorCode.NoResponders) return "no responders";
      if (code === classic.ErrorCode.Timeout) return "timeout";
    }
    return other(error);
  },
};

/** Every client library that is run against every broker. */
export const CLIENT_LIBRARIES: readonly ClientLibrary[] = [classicLibrary, currentLibrary];

/** Scenarios use nothing of a connection that the generations do not share. */
function asCurrent(connection: classic.NatsConnection): NatsConnection {
  return connection as unknown as NatsConnection;
}

function asClassic(connection: NatsConnection): classic.NatsConnection {
  return connection as unknown as classic.NatsConnection;
}

function* causes(error: unknown): Generator<Error> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) yield cause;
}

function other(error: unknown): Failure {
  return `other: ${error instanceof Error ? error.message : String(error)}`;
}
