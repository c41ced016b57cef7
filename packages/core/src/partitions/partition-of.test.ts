import { expect, it } from "vitest";
import { partitionOf } from "./partition-of.js";

it("agrees with the partition function of nats-server's subject mappings", () => {
  // FNV-1a, 32 bits: published test vectors.
  const vectors: readonly (readonly [string, number])[] = [
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["foobar", 0xbf9cf968],
  ];
  for (const [key, hash] of vectors) expect(partitionOf(key, 2 ** 32)).toBe(hash);
  expect(partitionOf("foobar", 10)).toBe(0xbf9cf968 % 10);
});

it("spreads keys evenly", () => {
  const counts = new Array<number>(8).fill(0);
  for (let n = 0; n < 8_000; n++) {
    const partition = partitionOf(`order-${n}`, 8);
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(800);
});
