import { contract, type DataOut, event } from "@ganglion/core";
import type { Transport } from "@ganglion/core/internal";
import {
  kv,
  memory,
  On,
  Projection,
  type ProjectionContext,
  type RebuildProgress,
  type Rows,
} from "@ganglion/eventsourcing";
import { waitFor } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import * as z from "zod";
import { flowApp } from "../support/flow-app.js";

interface Account {
  readonly balance: number;
  readonly entries: number;
}

const Bank = contract("bank", {
  version: "1.0.0",
  deposited: event({ data: z.object({ account: z.string(), amount: z.number() }) }),
  closed: event({ data: z.object({ account: z.string() }) }),
  ignored: event({ data: z.object({}) }),
});
type Deposited = DataOut<typeof Bank.deposited>;
type Closed = DataOut<typeof Bank.closed>;
type Ctx = ProjectionContext<Rows<Account>>;

function add(row: Account | undefined, amount: number): Account {
  return { balance: (row?.balance ?? 0) + amount, entries: (row?.entries ?? 0) + 1 };
}

/** A projection of the bank's events; each call makes another class, as a new version of the code would. */
function accounts(store: "memory" | "kv", version: number, factor = 1) {
  @Projection("accounts", { version, store: store === "kv" ? kv<Account>() : memory<Account>() })
  class Accounts {
    @On(Bank.deposited)
    async deposited(e: Deposited, { tx }: Ctx) {
      await tx.update(e.account, (row) => add(row, e.amount * factor));
    }
    @On(Bank.closed)
    closed(e: Closed, { tx }: Ctx) {
      tx.delete(e.account);
    }
  }
  return Accounts;
}

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Appends deposits of 1 to accounts a0 … a9 in turn, and gives the last sequence. */
async function deposit(
  { jetstream }: Transport,
  count: number,
): Promise<{ stream: string; sequence: number }> {
  const acks = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      jetstream.append("bank.deposited", encode({ account: `a${index % 10}`, amount: 1 })),
    ),
  );
  return { stream: "bank-events", sequence: Math.max(...acks.map((ack) => ack.sequence)) };
}

for (const store of ["memory", "kv"] as const) {
  describeBrokers(`projection into ${store}`, (start) => {
    it("follows its events, reads its own writes, and tells how far it is", async () => {
      const Accounts = accounts(store, 1);
      await using broker = await start();
      await using app = await flowApp({ services: [Accounts], url: broker.url });
      const rows = app.projections(Accounts);
      await rows.waitFor(await deposit(app.transport, 1_000));
      expect(await rows.get("a3")).toEqual({ balance: 100, entries: 100 });
      expect((await rows.list()).map(({ key }) => key)).toEqual(
        Array.from({ length: 10 }, (_, index) => `a${index}`),
      );
      expect(await rows.list({ prefix: "a1", limit: 5 })).toHaveLength(1);
      const { sequence } = await app.transport.jetstream.append("bank.closed", encode({ account: "a3" }));
      await rows.waitFor({ stream: "bank-events", sequence });
      expect(await rows.get("a3")).toBeUndefined();
      expect(await rows.list()).toHaveLength(9);
      expect(rows.status()).toMatchObject({
        phase: "live",
        version: 1,
        positions: { "bank-events": 1_001 },
        lag: { events: 0, seconds: 0 },
        obstacle: undefined,
      });
      await expect(
        rows.waitFor({ stream: "bank-events", sequence: 9_999 }, { timeout: "50ms" }),
      ).rejects.toMatchObject({
        code: "PROJECTION_WAIT_TIMEOUT",
      });
    });

    it("a rebuild fills new rows beside the old ones and switches at once, with progress", async () => {
      const Accounts = accounts(store, 1);
      await using broker = await start();
      await using app = await flowApp({ services: [Accounts], url: broker.url });
      const rows = app.projections(Accounts);
      await rows.waitFor(await deposit(app.transport, 2_000));
      const before = rows.status().generation;
      const seen: RebuildProgress[] = [];
      const writing = deposit(app.transport, 500);
      const done = await rows.rebuild({ onProgress: (progress) => void seen.push(progress) });
      expect(done).toMatchObject({ percent: 100, etaMs: 0 });
      expect(done.events).toBeGreaterThanOrEqual(2_000);
      expect(seen.at(-1)).toEqual(done);
      expect(rows.status().generation?.id).not.toBe(before?.id);
      await rows.waitFor(await writing);
      expect(await rows.get("a0")).toEqual({ balance: 250, entries: 250 });
      await rows.waitFor(await deposit(app.transport, 10));
      expect(await rows.get("a0")).toEqual({ balance: 251, entries: 251 });
      await rows.rebuild();
      expect(await rows.get("a0")).toEqual({ balance: 251, entries: 251 });
    });

    it("a rebuild from a sequence or a time sees only what came since", async () => {
      const Accounts = accounts(store, 1);
      await using broker = await start();
      await using app = await flowApp({ services: [Accounts], url: broker.url });
      const rows = app.projections(Accounts);
      const { sequence } = await deposit(app.transport, 100);
      await rows.rebuild({ from: { sequence: sequence - 9 } });
      expect(await rows.get("a0")).toEqual({ balance: 1, entries: 1 });
      await rows.rebuild({ from: { time: new Date(Date.now() + 60_000) } });
      expect(await rows.list()).toEqual([]);
      await rows.rebuild();
      expect(await rows.get("a0")).toEqual({ balance: 10, entries: 10 });
    });

    it("a rebuild that is interrupted leaves the rows as they are, and can be tried again", async () => {
      const Accounts = accounts(store, 1);
      await using broker = await start();
      await using app = await flowApp({ services: [Accounts], url: broker.url });
      const rows = app.projections(Accounts);
      await rows.waitFor(await deposit(app.transport, 100));
      await new Promise((resolve) => setTimeout(resolve, 30)); // original timing needs a gap to wait in
      await rows.waitFor(await deposit(app.transport, 100));
      const interrupt = new AbortController();
      const rebuild = rows.rebuild({ speed: 0.01, signal: interrupt.signal });
      await expect(rows.rebuild()).rejects.toMatchObject({ code: "PROJECTION_REBUILD_RUNNING" });
      await waitFor(() => rows.status().rebuild !== undefined);
      interrupt.abort();
      await expect(rebuild).rejects.toMatchObject({ code: "ABORTED" });
      expect(await rows.get("a0")).toEqual({ balance: 20, entries: 20 });
      await rows.rebuild();
      expect(await rows.get("a0")).toEqual({ balance: 20, entries: 20 });
    });

    it("an event its handler fails at holds it up, visibly, until it succeeds", async () => {
      let broken = true;
      @Projection("fragile", { store: store === "kv" ? kv<Account>() : memory<Account>() })
      class Fragile {
        @On(Bank.deposited)
        async deposited(e: Deposited, { tx }: Ctx) {
          await tx.update(e.account, (row) => add(row, e.amount));
          if (broken && e.amount === 13) throw new RangeError("unlucky");
        }
      }
      await using broker = await start();
      await using app = await flowApp({ services: [Fragile], url: broker.url });
      const rows = app.projections(Fragile);
      await deposit(app.transport, 5);
      await app.transport.jetstream.append("bank.deposited", encode({ account: "bad", amount: 13 }));
      const last = await deposit(app.transport, 5);
      await waitFor(() => rows.status().phase === "stalled");
      expect(rows.status().obstacle).toMatchObject({ sequence: 6, error: "RangeError: unlucky" });
      expect(app.health().problems[0]).toContain("fails at bank-events 6: RangeError: unlucky");
      expect(await rows.get("a0")).toEqual({ balance: 1, entries: 1 });
      broken = false;
      await rows.waitFor(last);
      expect(await rows.get("bad")).toEqual({ balance: 13, entries: 1 });
      expect(await rows.get("a0")).toEqual({ balance: 2, entries: 2 });
    });
  });
}

describeBrokers("projection kept in a bucket", (start) => {
  it("goes on behind its checkpoint after a restart", async () => {
    const Accounts = accounts("kv", 1);
    await using broker = await start();
    const first = await flowApp({ services: [Accounts], url: broker.url });
    await first.projections(Accounts).waitFor(await deposit(first.transport, 100));
    await first.stop();
    await using second = await flowApp({ services: [Accounts], url: broker.url });
    await second.projections(Accounts).waitFor(await deposit(second.transport, 100));
    expect(await second.projections(Accounts).get("a0")).toEqual({ balance: 20, entries: 20 });
  });

  it("one process writes, others stand by and read, and one of them takes over", async () => {
    const Accounts = accounts("kv", 1);
    await using broker = await start();
    const one = await flowApp({ services: [Accounts], url: broker.url });
    await waitFor(() => one.projections(Accounts).status().phase === "live");
    await using two = await flowApp({ services: [Accounts], url: broker.url });
    await using reader = await flowApp({ services: [], url: broker.url });
    const last = await deposit(one.transport, 100);
    await two.projections(Accounts).waitFor(last);
    expect(two.projections(Accounts).status().phase).toBe("standby");
    expect(await reader.projections(Accounts).get("a0")).toEqual({ balance: 10, entries: 10 });
    expect(() => reader.projections(Accounts).status()).toThrow(/does not run projection accounts/);
    await one.stop();
    await waitFor(() => two.projections(Accounts).status().phase === "live", { timeoutMs: 10_000 });
    await two.projections(Accounts).waitFor(await deposit(two.transport, 10));
    expect(await reader.projections(Accounts).get("a0")).toEqual({ balance: 11, entries: 11 });
  });

  it("a new version is built beside the old rows, then takes their place, and the old version does nothing", async () => {
    const Old = accounts("kv", 1);
    const New = accounts("kv", 2, 100);
    await using broker = await start();
    await using old = await flowApp({ services: [Old], url: broker.url });
    await old.projections(Old).waitFor(await deposit(old.transport, 100));
    await using upgraded = await flowApp({ services: [New], url: broker.url });
    await waitFor(() => upgraded.projections(New).status().phase === "live", { timeoutMs: 10_000 });
    expect(upgraded.projections(New).status().generation?.version).toBe(2);
    expect(await upgraded.projections(New).get("a0")).toEqual({ balance: 1_000, entries: 10 });
    await upgraded.projections(New).waitFor(await deposit(upgraded.transport, 10));
    expect(await upgraded.projections(New).get("a0")).toEqual({ balance: 1_100, entries: 11 });
    await waitFor(() => old.projections(Old).status().problem, { timeoutMs: 10_000 });
    expect(old.projections(Old).status().problem).toContain("Version 2 of projection accounts is active");
  });

  it("rows are readable by key for any client of the bucket", async () => {
    const Accounts = accounts("kv", 1);
    await using broker = await start();
    await using app = await flowApp({ services: [Accounts], url: broker.url });
    const { jetstream } = app.transport;
    const ack = await jetstream.append("bank.deposited", encode({ account: "ü 1.x", amount: 5 }));
    await app.projections(Accounts).waitFor(ack);
    const stored = await jetstream.get("KV_projection-accounts", {
      lastOf: "$KV.projection-accounts.row.v1-1.=C3=BC=201=2Ex",
    });
    expect(JSON.parse(new TextDecoder().decode(stored?.data))).toEqual({ balance: 5, entries: 1 });
  });
});
