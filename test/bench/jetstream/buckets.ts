import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { PAYLOAD_BYTES, rateOf, type StreamScenario, secondsOf, withConnection } from "./scenario.js";

const KEYS = 10_000;
const IN_FLIGHT = 64;
const OBJECT_MIB = 64;

/** A bucket with every key in it. */
async function filledBucket(connection: NatsConnection) {
  const bucket = await new Kvm(connection).create("bench", { history: 1 });
  const value = new Uint8Array(PAYLOAD_BYTES).fill(120);
  for (let key = 0; key < KEYS; key += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, index) => bucket.put(`key.${key + index}`, value)));
  }
  return { bucket, value };
}

const put: StreamScenario["measure"] = (broker, seconds) =>
  withConnection(broker, async (connection) => {
    const { bucket, value } = await filledBucket(connection);
    return rateOf((number) => bucket.put(`key.${number % KEYS}`, value), { inFlight: IN_FLIGHT, seconds });
  });

const get: StreamScenario["measure"] = (broker, seconds) =>
  withConnection(broker, async (connection) => {
    const { bucket } = await filledBucket(connection);
    return rateOf((number) => bucket.get(`key.${(number * 7) % KEYS}`), { inFlight: IN_FLIGHT, seconds });
  });

const watch: StreamScenario["measure"] = (broker) =>
  withConnection(broker, async (connection) => {
    const { bucket } = await filledBucket(connection);
    const seconds = await secondsOf(async () => {
      let count = 0;
      const watcher = await bucket.watch();
      for await (const _ of watcher) if (++count === KEYS) break;
    });
    return KEYS / seconds;
  });

function bytes(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(1024 * 1024).fill(120);
  let left = OBJECT_MIB;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) controller.enqueue(chunk);
      else controller.close();
    },
  });
}

const putObject: StreamScenario["measure"] = (broker) =>
  withConnection(broker, async (connection) => {
    const store = await new Objm(connection).create("bench");
    return OBJECT_MIB / (await secondsOf(() => store.put({ name: "object" }, bytes())));
  });

const getObject: StreamScenario["measure"] = (broker) =>
  withConnection(broker, async (connection) => {
    const store = await new Objm(connection).create("bench");
    await store.put({ name: "object" }, bytes());
    const seconds = await secondsOf(async () => {
      const found = await store.get("object");
      let size = 0;
      const reader = found?.data.getReader();
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        size += part.value.length;
      }
      if (size !== OBJECT_MIB * 1024 * 1024) throw new Error(`The object came back with ${size} bytes`);
      await found?.error;
    });
    return OBJECT_MIB / seconds;
  });

const goal = { atLeast: 1 };

/** Key-value and object store, by nats.js. */
export const BUCKETS: readonly StreamScenario[] = [
  { name: `key-value put, ${IN_FLIGHT} in flight, synced`, unit: "put/s", goal, measure: put },
  { name: `key-value get, ${IN_FLIGHT} in flight`, unit: "get/s", goal, measure: get },
  { name: `key-value watch of ${KEYS} keys`, unit: "keys/s", goal, measure: watch },
  { name: `object put, ${OBJECT_MIB} MiB, synced`, unit: "MiB/s", goal, measure: putObject },
  { name: `object get, ${OBJECT_MIB} MiB`, unit: "MiB/s", goal, measure: getObject },
];
