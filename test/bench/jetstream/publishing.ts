import type { TestBroker } from "@ganglion/testing";
import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import { LoadProcess } from "../broker/load.js";
import { PAYLOAD_BYTES, rateOf, STREAM, type StreamScenario, SUBJECT, withConnection } from "./scenario.js";

type Storage = "file" | "memory";

/** Creates the stream of the benchmark. */
export function createStream(broker: TestBroker, storage: Storage = "file"): Promise<unknown> {
  return withConnection(broker, async (connection) => {
    const manager = await jetstreamManager(connection);
    const type = storage === "file" ? StorageType.File : StorageType.Memory;
    await manager.streams.add({ name: STREAM, subjects: ["bench.>"], storage: type });
  });
}

function raw(storage: Storage, inFlight: number): StreamScenario["measure"] {
  return async (broker, seconds) => {
    await createStream(broker, storage);
    const job = { url: broker.url, seconds, subject: SUBJECT, payloadBytes: PAYLOAD_BYTES };
    using publisher = await LoadProcess.start({ ...job, role: "request", inFlight });
    return (await publisher.rate()).perSecond;
  };
}

function client(storage: Storage, inFlight: number): StreamScenario["measure"] {
  return async (broker, seconds) => {
    await createStream(broker, storage);
    const payload = new Uint8Array(PAYLOAD_BYTES).fill(120);
    return withConnection(broker, async (connection) => {
      const streams = jetstream(connection, { timeout: 60_000 });
      return rateOf(() => streams.publish(SUBJECT, payload), { inFlight, seconds });
    });
  };
}

const IN_FLIGHT = [1, 64, 1024] as const;
const UNIT = "msg/s";

/** Published messages that are acknowledged, by storage, client and number in flight. */
export const PUBLISHING: readonly StreamScenario[] = IN_FLIGHT.flatMap((inFlight) => {
  const tail = `${PAYLOAD_BYTES} B, ${inFlight} in flight`;
  const atLeast = { atLeast: 1 };
  // One at a time, a synced publish waits for the disk, which nats-server does not.
  const synced = inFlight === 1024 ? { goal: atLeast } : {};
  const syncedByClient = inFlight > 1 ? { goal: atLeast } : {};
  return [
    { name: `publish to memory, raw, ${tail}`, unit: UNIT, goal: atLeast, measure: raw("memory", inFlight) },
    { name: `publish to file, synced, raw, ${tail}`, unit: UNIT, ...synced, measure: raw("file", inFlight) },
    {
      name: `publish to file, sync_interval 2m, raw, ${tail}`,
      unit: UNIT,
      goal: atLeast,
      unsynced: true,
      measure: raw("file", inFlight),
    },
    {
      name: `publish to file, synced, nats.js, ${tail}`,
      unit: UNIT,
      ...syncedByClient,
      measure: client("file", inFlight),
    },
  ];
});
