import { expect, test } from "vitest";
import { startBroker } from "../broker.js";
import { type BrokerOptions, resolveBrokerOptions } from "../options.js";
import { describeChange, planReload } from "./reload-plan.js";

const plan = (now: BrokerOptions, next: BrokerOptions) =>
  planReload(resolveBrokerOptions(now), resolveBrokerOptions(next));

test("planReload finds nothing where nothing changes", () => {
  const options = { maxPayloadBytes: 5, accounts: [{ name: "A", users: [{ user: "u", password: "p" }] }] };
  expect(plan(options, structuredClone(options))).toEqual({ changes: [], refused: [] });
});

test("planReload names what changes, and describeChange does not tell secrets", () => {
  const next = {
    maxPayloadBytes: 6,
    authorization: { token: "secret" },
    clientAdvertise: "a:1",
    traceLine: () => {},
  };
  const { changes, refused } = plan({ maxPayloadBytes: 5 }, next);
  expect(refused).toEqual([]);
  const lines = changes.map((change) => describeChange(change, resolveBrokerOptions(next)));
  expect(lines.sort()).toEqual([
    "Reloaded: authorization",
    "Reloaded: client_advertise = a:1",
    "Reloaded: max_payload = 6",
    "Reloaded: traceLine",
  ]);
  const [off] = plan({ clientAdvertise: "a:1" }, {}).changes;
  expect(off && describeChange(off, resolveBrokerOptions())).toBe("Reloaded: client_advertise is off");
});

test("planReload refuses what cannot change, with values", () => {
  const now = { port: 4222, jetstream: true, storeDir: "/a", serverName: "one" };
  expect(plan(now, { ...now, port: 4333, serverName: "two", storeDir: "/b" }).refused).toEqual([
    "port cannot change while the broker runs (from 4222 to 4333)",
    "store_dir cannot change while the broker runs (from /a to /b)",
    "server_name cannot change while the broker runs (from one to two)",
    "jetstream cannot change while the broker runs",
  ]);
});

test("planReload refuses other limits of JetStream for an account that is there", () => {
  const account = (maxStreams: number) => ({ accounts: [{ name: "A", jetstream: { maxStreams } }] });
  expect(plan(account(1), account(2)).refused).toEqual([
    'jetstream of account "A" cannot change while the broker runs',
  ]);
  expect(plan({}, account(1)).refused).toEqual([]);
});

test("Broker.reload refuses, or takes over; what is wrong changes nothing", async () => {
  await using broker = await startBroker({ maxPayloadBytes: 10 });
  await expect(broker.reload({ maxPayloadBytes: 20, port: 1 })).rejects.toMatchObject({
    code: "RELOAD_REFUSED",
    details: { refused: ["port cannot change while the broker runs (from 0 to 1)"] },
  });
  await expect(broker.reload({ maxPayloadBytes: -1 })).rejects.toMatchObject({
    code: "INVALID_BROKER_OPTIONS",
  });
  await expect(broker.reload({ tls: { certFile: "/no", keyFile: "/no" } })).rejects.toMatchObject({
    code: "TLS_UNUSABLE",
  });
  expect(await payloadLimit(broker)).toBe(10);
  await broker.reload({ maxPayloadBytes: 20 });
  expect(await payloadLimit(broker)).toBe(20);
});

async function payloadLimit(broker: Awaited<ReturnType<typeof startBroker>>): Promise<number> {
  const client = broker.connectInProcess();
  const [chunk] = await client.take(1).toArray();
  return (JSON.parse(String(chunk).slice("INFO ".length)) as { max_payload: number }).max_payload;
}
