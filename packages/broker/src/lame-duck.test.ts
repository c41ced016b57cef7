import type { Duplex } from "node:stream";
import { VirtualClock } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { type Broker, startBroker } from "./broker.js";

/** A connected client that collects what it receives. */
async function join(broker: Broker, clock: VirtualClock): Promise<{ readonly duplex: Duplex; text: string }> {
  const duplex = broker.connectInProcess();
  const client = { duplex, text: "" };
  duplex.on("data", (chunk) => {
    client.text += chunk;
  });
  duplex.write('CONNECT {"protocol":1}\r\nPING\r\n');
  await clock.advanceAsync(0);
  return client;
}

const options = { lameDuckGracePeriodMs: 1_000, lameDuckDurationMs: 5_000 };

test("Broker.lameDuck tells clients, waits, and closes them spread over the rest of the time", async () => {
  const clock = new VirtualClock();
  const broker = await startBroker({ ...options, clock });
  const clients = await Promise.all(Array.from({ length: 8 }, () => join(broker, clock)));
  const ended = broker.lameDuck();
  expect(broker.lameDuck()).toBe(ended);
  await clock.advanceAsync(999);
  for (const { text } of clients) expect(text).toMatch(/INFO [^\r]*"ldm":true/);
  expect(broker.statistics().connections).toBe(8);
  await clock.advanceAsync(1);
  expect(broker.statistics().connections).toBe(7);
  // 4 s for 8 clients: a client every 250 to 500 ms.
  await clock.advanceAsync(1_000);
  const left = broker.statistics().connections;
  expect(left).toBeGreaterThanOrEqual(3);
  expect(left).toBeLessThanOrEqual(5);
  await clock.advanceAsync(3_000);
  await ended;
  expect(broker.statistics().connections).toBe(0);
});

test("Broker.close cuts lame duck mode short", async () => {
  const clock = new VirtualClock();
  const broker = await startBroker({ ...options, clock });
  await join(broker, clock);
  const ended = broker.lameDuck();
  await broker.close();
  await ended;
  expect(broker.statistics().connections).toBe(0);
});
