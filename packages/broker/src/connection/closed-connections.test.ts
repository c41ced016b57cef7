import { VirtualClock } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { startBroker } from "../broker.js";
import { ClosedConnections } from "./closed-connections.js";
import type { ConnectionFacts } from "./connection-facts.js";

test("ClosedConnections keeps the last ones, the oldest first", () => {
  const closed = new ClosedConnections(3);
  for (let id = 1; id <= 7; id++) {
    const facts = { id } as ConnectionFacts;
    closed.add({ facts, subscriptions: [], stoppedUs: id, reason: "Client Closed" });
  }
  expect(closed.all().map(({ facts }) => facts.id)).toEqual([5, 6, 7]);
  const none = new ClosedConnections(0);
  none.add({ facts: { id: 1 } as ConnectionFacts, subscriptions: [], stoppedUs: 1, reason: "Read Error" });
  expect(none.all()).toEqual([]);
});

test("statistics counts a connection that was given up as stale", async () => {
  const clock = new VirtualClock();
  await using broker = await startBroker({ clock, pingIntervalMs: 1_000, maxPingsOut: 1 });
  const client = broker.connectInProcess();
  client.resume();
  client.write("CONNECT {}\r\n");
  await clock.advanceAsync(10_000);
  const { connections, totalConnections, staleConnections } = broker.statistics();
  expect({ connections, totalConnections, staleConnections }).toEqual({
    connections: 0,
    totalConnections: 1,
    staleConnections: 1,
  });
});
