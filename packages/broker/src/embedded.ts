import { setTimeout as delay } from "node:timers/promises";
import { isGanglionError, type NatsEndpoint, type NatsSource, throwIfAborted } from "@ganglion/kernel";
import { findBroker } from "./address-file.js";
import { startBroker } from "./broker.js";
import { brokerError } from "./errors.js";
import type { BrokerOptions } from "./options.js";

/** Options of {@link embedded}: those of a broker, whose JetStream is on. */
export interface EmbeddedOptions extends Omit<BrokerOptions, "jetstream" | "storeDir"> {
  /** Runs the broker in a thread of its own; hooks and a clock cannot be used with it. @default false */
  readonly thread?: boolean;
  /**
   * Directory of the streams. Processes that name the same directory share one broker: the first one starts it,
   * the others join it. @default streams are kept in memory, and every `embedded()` has a broker of its own
   */
  readonly storeDir?: string;
}

/** How often and how long a broker is looked for whose process has just locked its directory. */
const JOIN_POLL_MS = 50;
const JOIN_TIMEOUT_MS = 3_000;

/**
 * A NATS server without installing one: a broker inside this process, for as long as the application runs.
 *
 * The application's own connection needs no socket. With `storeDir`, when another process already serves that directory, the application joins that broker; it stops
 * with the process that started it.
 *
 * @returns a source; its `open` throws GanglionError `STORE_IN_USE` when the directory is locked by a process that
 *   serves no broker, and what {@link startBroker} throws.
 * @example
 * await using app = await createApp({ services: [OrdersService], nats: embedded({ storeDir: ".ganglion" }) });
 */
export function embedded(options: EmbeddedOptions = {}): NatsSource {
  const { storeDir, ...rest } = options;
  return {
    description: "embedded broker",
    open: async (signal) => {
      throwIfAborted(signal, "Starting the embedded broker");
      try {
        return await start({ ...rest, jetstream: storeDir === undefined ? true : { storeDir } });
      } catch (error) {
        if (storeDir === undefined || !isGanglionError(error, "STORE_LOCKED")) throw error;
        return await join(storeDir, signal);
      }
    },
  };
}

async function start({
  thread = false,
  ...options
}: BrokerOptions & { thread?: boolean }): Promise<NatsEndpoint> {
  if (thread) {
    const broker = await startBroker({ ...options, thread });
    return endpoint(broker.url, () => broker.close());
  }
  const broker = await startBroker(options);
  const connectInProcess = () => broker.connectInProcess();
  return { ...endpoint(broker.url, () => broker.close()), connectInProcess };
}

async function join(storeDir: string, signal: AbortSignal | undefined): Promise<NatsEndpoint> {
  for (let waitedMs = 0; waitedMs < JOIN_TIMEOUT_MS; waitedMs += JOIN_POLL_MS) {
    throwIfAborted(signal, "Joining the embedded broker");
    const url = await findBroker(storeDir);
    if (url !== undefined) return endpoint(url, async () => {});
    await delay(JOIN_POLL_MS);
  }
  throw brokerError(
    "STORE_IN_USE",
    `The store directory ${storeDir} is used by another process, in which no broker answers: stop that process first`,
    { retryable: true, details: { storeDir } },
  );
}

function endpoint(url: string, close: () => Promise<void>): NatsEndpoint {
  return { servers: [url], close, [Symbol.asyncDispose]: close };
}
