import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Transport } from "@ganglion/core/internal";
import { type TestBroker, waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import { flowApp } from "../support/flow-app.js";
import { add, Shopkeeper, type Total, Totals } from "./projection-fixture.js";

const WORKER = fileURLToPath(new URL("./projection-worker.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EVENTS = 30_000;
const ITEMS = 300;
const KILLS = 4;

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Appends sales, and gives the rows they must lead to, together with those there were. */
async function sell({ jetstream }: Transport, count: number, rows = new Map<string, Total>()) {
  for (let done = 0; done < count; done += 500) {
    const sales = Array.from({ length: Math.min(500, count - done) }, (_, index) => ({
      item: `item-${(done + index * 7) % ITEMS}`,
      amount: (index % 9) + 1,
    }));
    const acks = await Promise.all(sales.map((sale) => jetstream.append("shop.sold", encode(sale))));
    for (const [index, { item, amount }] of sales.entries()) {
      const sequence = acks[index]?.sequence ?? 0;
      for (const key of [item, "all"]) rows.set(key, add(rows.get(key), amount, sequence));
    }
  }
  return rows;
}

function worker(url: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", WORKER, url, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", process.env.DEBUG === undefined ? "ignore" : "inherit"],
  });
}

async function said(child: ChildProcess, text: string): Promise<void> {
  let output = "";
  for await (const chunk of child.stdout ?? []) {
    output += chunk;
    if (output.includes(text)) return;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function expectRows(url: string, expected: ReadonlyMap<string, Total>): Promise<void> {
  await using reader = await flowApp({ services: [], url });
  const rows = await reader.projections(Totals).list({ limit: 10_000 });
  expect(new Map(rows.map(({ key, value }) => [key, value]))).toEqual(expected);
}

describeBrokers(
  "projection under kill -9",
  (start) => {
    it(
      "a rebuild killed in the middle goes on, and its rows are right",
      () => rebuildUnderKills(start),
      120_000,
    );
    it(
      "rows stay right while the writing process and the broker are killed",
      () => followUnderKills(start),
      120_000,
    );
  },
  { kinds: ["nats-server"] },
);

async function rebuildUnderKills(start: () => Promise<TestBroker>): Promise<void> {
  await using broker = await start();
  await using app = await flowApp({ services: [Shopkeeper], url: broker.url });
  const expected = await sell(app.transport, EVENTS);
  const resumed: number[] = [];
  for (let round = 0; round < KILLS; round++) {
    const child = worker(broker.url);
    const target = Math.max(1, Math.floor((0.98 * EVENTS * round) / (KILLS - 1))); // the last one is near the end
    const there = async () => {
      const at = await building(app.transport);
      return at === undefined ? resumed.length > 0 : at >= target;
    };
    await waitFor(there, { timeoutMs: 30_000, intervalMs: 2, what: `progress up to ${target}` });
    await kill(child);
    resumed.push((await building(app.transport)) ?? -1);
  }
  const last = worker(broker.url);
  await said(last, "rebuilt");
  await expectRows(broker.url, expected);
  await kill(last);
  console.info(`built up to ${resumed.join(", ")} at the kills`);
  expect(
    resumed.some((sequence) => sequence > 0 && sequence < EVENTS),
    "kills in the middle",
  ).toBe(true);
}

/** How far the generation that is being built has come. */
async function building({ jetstream }: Transport): Promise<number | undefined> {
  const get = async (key: string) => {
    const stored = await jetstream.get("KV_projection-totals", { lastOf: `$KV.projection-totals.${key}` });
    return stored && JSON.parse(new TextDecoder().decode(stored.data));
  };
  const state = await get("state");
  const commit = state?.building && (await get(`commit.${state.building.id}`));
  return commit?.checkpoint["shop-events"];
}

async function followUnderKills(start: () => Promise<TestBroker>): Promise<void> {
  await using broker = await start();
  await using app = await flowApp({ services: [Shopkeeper], url: broker.url });
  let child = worker(broker.url, "live");
  await said(child, "ready");
  const expected = new Map<string, Total>();
  for (let round = 0; round < KILLS; round++) {
    const selling = sell(app.transport, EVENTS / KILLS, expected);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await kill(child);
    await selling;
    if (round % 2 === 0) await broker.restart({ signal: "SIGKILL" });
    child = worker(broker.url, "live");
    await said(child, "ready");
  }
  const reader = app.projections(Totals);
  const last = expected.get("all")?.last;
  await waitFor(async () => (await reader.get("all"))?.last === last, { timeoutMs: 60_000 });
  await expectRows(broker.url, expected);
  await kill(child);
}
