import { readFileSync } from "node:fs";
import { startTestBroker, type TestBroker, type TestBrokerKind, tempDirectory } from "@ganglion/testing";
import { jetstreamManager } from "@nats-io/jetstream";
import { publishMany } from "./consuming.js";
import { createStream } from "./publishing.js";
import { STREAM, type StreamScenario, secondsOf, withConnection } from "./scenario.js";

/** Message counts whose opening is measured. */
const MILLIONS = [1, 5] as const;
const DELETED_OF = 50_000;
const MIB = 1024 * 1024;

/** Stores that were filled once for all rounds, by kind of broker and size. */
const filled = new Map<string, Promise<string>>();

/** The directory of a store with so many million messages in one stream. */
function filledStore(kind: TestBrokerKind, millions: number): Promise<string> {
  const key = `${kind} ${millions}`;
  const known = filled.get(key) ?? fill(kind, millions);
  filled.set(key, known);
  return known;
}

async function fill(kind: TestBrokerKind, millions: number): Promise<string> {
  const { path: storeDir } = await tempDirectory(`ganglion-bench-${kind}-`);
  await using broker = await startTestBroker({ kind, storeDir, config: "jetstream { sync_interval: 2m }" });
  await createStream(broker);
  await withConnection(broker, (connection) => publishMany(connection, millions * 1_000_000));
  return storeDir;
}

async function opened<T>(kind: TestBrokerKind, millions: number, look: (broker: TestBroker) => Promise<T>) {
  const storeDir = await filledStore(kind, millions);
  const startedMs = performance.now();
  await using broker = await startTestBroker({ kind, storeDir });
  const count = await withConnection(broker, async (connection) => {
    const manager = await jetstreamManager(connection);
    return (await manager.streams.info(STREAM)).state.messages;
  });
  const seconds = (performance.now() - startedMs) / 1000;
  if (count !== millions * 1_000_000) throw new Error(`${count} of ${millions} million messages are there`);
  return { seconds, seen: await look(broker) };
}

function residentMiB({ pid }: TestBroker): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / MIB;
}

const openingTime = (millions: number): StreamScenario => ({
  name: `start with ${millions} million messages`,
  unit: "s",
  measure: async ({ kind }) => (await opened(kind, millions, async () => undefined)).seconds,
});

const openingMemory = (millions: number): StreamScenario => ({
  name: `memory after the start with ${millions} million messages`,
  unit: "MiB",
  measure: async ({ kind }) => (await opened(kind, millions, async (broker) => residentMiB(broker))).seen,
});

/** Takes nine of ten messages out of the middle, so that every file is rewritten. */
const deletes: StreamScenario = {
  name: "delete 9 of 10 messages inside a stream, 64 in flight, synced",
  unit: "msg/s",
  measure: async (broker) => {
    await createStream(broker);
    return withConnection(broker, async (connection) => {
      await publishMany(connection, DELETED_OF);
      const manager = await jetstreamManager(connection);
      const doomed = Array.from({ length: DELETED_OF }, (_, index) => index + 1).filter((n) => n % 10 !== 0);
      let next = 0;
      const worker = async () => {
        for (let at = next++; at < doomed.length; at = next++) {
          await manager.streams.deleteMessage(STREAM, doomed[at] as number, false); // at is in range
        }
      };
      const seconds = await secondsOf(() => Promise.all(Array.from({ length: 64 }, worker)));
      return doomed.length / seconds;
    });
  },
};

/** Opening, memory, and rewriting. */
export const SIZES: readonly StreamScenario[] = [deletes, ...MILLIONS.map(openingTime), openingMemory(5)];
