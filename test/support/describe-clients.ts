import type { TestBroker, TestBrokerKind } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { afterAll, beforeAll, describe, onTestFinished } from "vitest";
import { CLIENT_LIBRARIES, type ClientLibrary } from "./client-library.js";

/** What a scenario is given. */
export interface ClientContext {
  readonly library: ClientLibrary;
  readonly kind: TestBrokerKind;
  /** Connects to the suite's broker until the test ends. */
  connect(options?: ConnectionOptions): Promise<NatsConnection>;
  /** A name no other test uses, for subjects, streams and buckets. */
  unique(prefix: string): string;
}

/** Brokers every scenario runs on. */
export const ALL_BROKERS: readonly TestBrokerKind[] = ["embedded", "nats-server", "broker-process"];

/** Brokers that have JetStream: ours follows. */
export const JETSTREAM_BROKERS: readonly TestBrokerKind[] = ["embedded", "nats-server", "broker-process"];

/** Declares a suite for every broker and client library; each broker is started once for all its scenarios. */
export function describeClients(name: string, scenarios: (context: ClientContext) => void): void {
  describeBrokers(
    name,
    (start, kind) => {
      let broker: TestBroker | undefined;
      let names = 0;
      beforeAll(async () => {
        broker = await start();
      });
      afterAll(() => broker?.close());
      for (const library of CLIENT_LIBRARIES) {
        const connect = (options?: ConnectionOptions) =>
          connectUntilTestEnds(library, broker as TestBroker, options); // set before any test runs
        const unique = (prefix: string) => `${prefix}${++names}`;
        describe(`with ${library.name}`, () => scenarios({ library, kind, connect, unique }));
      }
    },
    { kinds: ALL_BROKERS },
  );
}

/** Connects to `broker` and closes the connection when the running test ends. */
export async function connectUntilTestEnds(
  library: ClientLibrary,
  broker: TestBroker,
  options?: ConnectionOptions,
): Promise<NatsConnection> {
  const connection = await library.connect({ servers: broker.url, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** Takes the next `count` items of an iterable; it never waits for one more. */
export async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  if (count === 0) return taken;
  for await (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}
