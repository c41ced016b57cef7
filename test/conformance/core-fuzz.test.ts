import { startBroker } from "@ganglion/broker";
import { expect, test } from "vitest";
import { fuzzBroker } from "./fuzz/fuzz-broker.js";
import { fuzzParser } from "./fuzz/fuzz-parser.js";

// `npm run fuzz` does the same for ten million frames and longer.
const seed = Number(process.env.GANGLION_FUZZ_SEED ?? Date.now() % 1_000_000);

test(`the parser reads random and mutated frames alike however they are cut (seed ${seed})`, () => {
  const { frames, faults } = fuzzParser(200_000, seed);
  expect(frames).toBeGreaterThanOrEqual(200_000);
  expect(faults).toBeGreaterThan(1_000);
}, 60_000);

test(`the broker survives them and serves others meanwhile (seed ${seed})`, async () => {
  await using broker = await startBroker();
  const report = await fuzzBroker(broker.url, { frames: 50_000, seed });
  expect(report.frames).toBeGreaterThanOrEqual(50_000);
  expect(report.healthy.messages).toBeGreaterThan(10);
  await expect.poll(() => broker.statistics().connections).toBe(0);
}, 60_000);
