import { tempDirectory } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { effectsByOrder, runOrders, startOrders } from "./orders-example.js";

// Of fourteen sample orders three have a declined card (4, 8, 12) and two a city nobody delivers to (7, 14).
const ORDERS = ["--orders", "14"];
const EXPECTED = { orders: { confirmed: 9, compensated: 5 }, projection: { events: 28, rebuilt: true } };

async function kindsOf(store: string) {
  const kinds: Record<string, number> = {};
  for (const effects of (await effectsByOrder(store)).values()) {
    for (const kind of effects) kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

describe("the orders example on its embedded broker", () => {
  it("ends every order, rebuilds its rows, and finds them again after a restart", async () => {
    await using store = await tempDirectory();
    const first = await runOrders(...ORDERS, "--store", store.path);
    expect(first).toMatchObject(EXPECTED);
    expect(first.spans).toBeGreaterThan(14 * 10);
    expect(await kindsOf(store.path)).toEqual({ reserve: 14, release: 5, charge: 11, refund: 2, ship: 9 });
    expect(await runOrders("--orders", "0", "--store", store.path)).toMatchObject(EXPECTED);
  });

  it("stays up for any NATS client, and stops in order on SIGTERM", async () => {
    await using store = await tempDirectory();
    await using example = startOrders("--orders", "4", "--store", store.path);
    await example.output(/Ctrl-C stops them/);
    const url = /nats --server (\S+) request/.exec(example.stdout)?.[1] ?? "";
    expect(example.stdout).toMatch(/└─ request payments\.charge +client .* error +orders +card declined/);
    expect(example.stdout).toMatch(/└─ process payments\.charge +server .* error +payments +card declined/);

    const connection = await connect({ servers: url });
    const request = {
      orderId: "mine",
      customer: "Ada",
      sku: "lamp",
      quantity: 2,
      card: "4242",
      city: "Zurich",
    };
    const placed = await connection.request("orders.place", JSON.stringify(request));
    expect(placed.json()).toEqual({ orderId: "mine" });
    await expect
      .poll(async () => (await connection.request("orders.find", '{"orderId":"mine"}')).json())
      .toMatchObject({ ...request, totalCents: 4_980, status: "confirmed" });
    const refused = await connection.request("orders.place", JSON.stringify({ ...request, sku: "unicorn" }));
    expect(refused.headers?.get("Nats-Service-Error")).toContain("there is no unicorn");
    await connection.close();
    expect(await example.end("SIGTERM")).toEqual({ code: 0, signal: null });
  });

  it.each([
    [["--orders", "x"], 2, "--orders x: use a whole number"],
    [["--colour"], 2, "--colour"],
    [["--help"], 0, "Usage:"],
  ])("answers %j with exit status %i", async (args, code, text) => {
    await using example = startOrders(...args);
    expect(await example.ended).toEqual({ code, signal: null });
    expect(code === 0 ? example.stdout : example.stderr).toContain(text);
  });
});

describeBrokers(
  "the orders example with --url",
  (start) => {
    it("does the same", async () => {
      await using broker = await start();
      await using store = await tempDirectory();
      expect(await runOrders(...ORDERS, "--url", broker.url, "--store", store.path)).toMatchObject(EXPECTED);
    });
  },
  { kinds: ["nats-server"] },
);
