import { expect, test } from "vitest";
import { BLOCK_BYTES, BlockPool } from "./block-pool.js";

test("BlockPool gives a block of about the wanted size, in which the least fits", () => {
  const pool = new BlockPool();
  expect(pool.take(10, 0).length).toBe(4 * 1024);
  expect(pool.take(10, 5_000).length).toBe(16 * 1024);
  expect(pool.take(5_000, 0).length).toBe(16 * 1024);
  expect(pool.take(10, 1_000_000).length).toBe(BLOCK_BYTES);
  expect(pool.take(BLOCK_BYTES, 0).length).toBe(BLOCK_BYTES);
});

test("BlockPool gives smaller blocks while many are being filled", () => {
  const pool = new BlockPool();
  const blocks = Array.from({ length: 1_000 }, () => pool.take(10, BLOCK_BYTES));
  const count = (sizeBytes: number) => blocks.filter(({ length }) => length === sizeBytes).length;
  expect([count(BLOCK_BYTES), count(16 * 1024), count(4 * 1024)]).toEqual([64, 512, 424]);
  for (const block of blocks) pool.filled(block);
  expect(pool.take(10, BLOCK_BYTES).length).toBe(BLOCK_BYTES);
});

test("BlockPool takes a large block where only a large one fits, however many there are", () => {
  const pool = new BlockPool();
  for (let i = 0; i < 100; i++) expect(pool.take(BLOCK_BYTES, BLOCK_BYTES).length).toBe(BLOCK_BYTES);
});

test("BlockPool uses a block again that was given back", () => {
  const pool = new BlockPool();
  const block = pool.take(10, 10);
  pool.filled(block);
  pool.give(block);
  expect(pool.take(10, 10)).toBe(block);
});
