import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDirectory } from "@ganglion/testing";
import { expect, it } from "vitest";
import { Ledger } from "./ledger.js";

it("Ledger does an effect once per key, also when asked twice at once and after a restart", async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, "a", "ledger.jsonl");
  const ledger = await Ledger.open(path);
  const effect = { kind: "charge", orderId: "o1" } as const;
  await Promise.all([ledger.do("k1", effect), ledger.do("k1", effect), ledger.do("k2", effect)]);
  await ledger.close();
  await appendFile(path, '{"key":"torn'); // the process died in the middle of a write
  await using reopened = await Ledger.open(path);
  await reopened.do("k1", effect);
  await reopened.do("k3", effect);
  expect(await lines(path)).toEqual(["k1 charge", "k2 charge", "k3 charge"]);
});

it("Ledger undoes what was done, once", async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, "ledger.jsonl");
  await using ledger = await Ledger.open(path);
  await ledger.do("checkout:o1:charge", { kind: "charge", orderId: "o1" });
  const refund = { kind: "refund", orderId: "o1" } as const;
  expect(await ledger.undo("checkout:o1:charge:compensate", refund)).toBe(true);
  expect(await ledger.undo("checkout:o1:charge:compensate", refund)).toBe(true);
  expect(await lines(path)).toEqual(["checkout:o1:charge charge", "checkout:o1:charge:compensate refund"]);
});

it("Ledger refuses an effect that was given up before it arrived", async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, "ledger.jsonl");
  await using ledger = await Ledger.open(path);
  expect(await ledger.undo("s:charge:compensate", { kind: "refund", orderId: "o1" })).toBe(false);
  await expect(ledger.do("s:charge", { kind: "charge", orderId: "o1" })).rejects.toThrow("was given up");
  expect(await lines(path)).toEqual(["s:charge void"]);
});

async function lines(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { key: string; kind: string })
    .map(({ key, kind }) => `${key} ${kind}`);
}
