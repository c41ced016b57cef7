import { brokerAvailability, startTestBroker } from "@ganglion/testing";
import { expect, it } from "vitest";
import { brokenPromises, Confirmed, createStream, loadUntilDead, readAll } from "./acknowledged-load.js";

const KILLS = Number(process.env.GANGLION_CRASH_KILLS ?? 10);
const LONGEST_LIFE_MS = 150;

it(`the broker keeps what it confirmed over ${KILLS} kill -9 under load`, {
  timeout: 60_000 + KILLS * 5_000,
}, async ({ skip }) => {
  const { reason } = brokerAvailability("broker-process");
  if (reason !== undefined) skip(reason);
  const confirmed = new Confirmed();
  await using broker = await startTestBroker({ kind: "broker-process" });
  await createStream(broker.url);
  for (let kill = 1; kill <= KILLS; kill++) {
    await loadUntilDead(broker.url, confirmed, async () => {
      // A random moment: the point of the test. What is checked does not depend on it.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_LIFE_MS));
      await broker.kill();
    });
    await broker.restart();
    expect(brokenPromises(confirmed, await readAll(broker.url)), `after kill ${kill}`).toEqual([]);
  }
  expect(confirmed.published.size).toBeGreaterThan(KILLS * 20);
  expect(confirmed.deleted.size).toBeGreaterThan(0);
  expect(confirmed.consumed.size).toBeGreaterThan(KILLS);
  console.info(
    `${KILLS} kills: ${confirmed.published.size} published, ${confirmed.consumed.size} consumed, ${confirmed.deleted.size} deleted`,
  );
});
