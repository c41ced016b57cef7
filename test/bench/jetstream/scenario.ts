import type { TestBroker } from "@ganglion/testing";
import { type ConnectionOptions, connect, type NatsConnection } from "@nats-io/transport-node";
import type { Goal } from "../support/bench.js";

/** Size of every message but those of the object store, in bytes. */
export const PAYLOAD_BYTES = 256;
export const STREAM = "BENCH";
export const SUBJECT = "bench.subject";

/** One line of the benchmark. */
export interface StreamScenario {
  readonly name: string;
  readonly unit: string;
  /** Absent: reported only. */
  readonly goal?: Goal;
  /** Ours writes without a sync before each acknowledgement, as nats-server does by default. */
  readonly unsynced?: boolean;
  /** Runs once against a fresh server. @returns the figure, in `unit`. */
  measure(broker: TestBroker, seconds: number): Promise<number>;
}

/** Connects, works, and disconnects. */
export async function withConnection<T>(
  broker: TestBroker,
  work: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const options: ConnectionOptions = { servers: broker.url, timeout: 60_000, reconnect: false };
  const connection = await connect(options);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/**
 * Keeps `inFlight` calls of `once` going for some seconds.
 *
 * @returns how many ended per second.
 */
export async function rateOf(
  once: (number: number) => Promise<unknown>,
  { inFlight, seconds }: { readonly inFlight: number; readonly seconds: number },
): Promise<number> {
  let started = 0;
  let ended = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const loop = async () => {
    while (performance.now() < untilMs) {
      await once(started++);
      ended++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return ended / ((performance.now() - startedMs) / 1000);
}

/** Seconds that `work` takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}
