import { randomUUID } from "node:crypto";
import { tempDirectory } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect, type NatsConnection } from "nats";
import { expect, it } from "vitest";
import type { NodeProcess } from "../support/node-process.js";
import { COMPENSATED, CONFIRMED, effectsByOrder, runOrders, startOrders } from "./orders-example.js";

const ORDERS = 60;
const PLACED_AT_ONCE = 6;
const TIMEOUT_MS = 120_000;

describeBrokers(
  "orders with everything killed on the way",
  (start) => {
    it(
      "ends each order confirmed or compensated, with every effect exactly once",
      async () => {
        await using store = await tempDirectory();
        await using broker = await start();
        const args = ["--orders", "0", "--url", broker.url, "--store", store.path];
        let shop: NodeProcess = startOrders(...args);
        await shop.output(/Ctrl-C stops them/);
        const connection = await connect({
          servers: broker.url,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 50,
        });

        const placing = new Customers(connection);
        const done = placing.placeAll();
        try {
          await placing.reached(ORDERS * 0.25);
          await shop.end("SIGKILL");
          shop = startOrders(...args);
          await placing.reached(ORDERS * 0.5);
          await broker.restart({ signal: "SIGKILL" });
          await placing.reached(ORDERS * 0.75);
          await Promise.all([shop.end("SIGKILL"), broker.restart({ signal: "SIGKILL" })]);
          shop = startOrders(...args);
          await done;
          await shop.end("SIGKILL"); // with the last orders still under way
        } finally {
          placing.stop();
          await shop[Symbol.asyncDispose]();
          await connection.close();
        }

        const { orders, projection } = await runOrders(...args);
        expect(orders.confirmed + orders.compensated).toBe(ORDERS);
        expect(projection.rebuilt).toBe(true);
        const effects = await effectsByOrder(store.path);
        const kinds = placing.accepted.map((orderId) => effects.get(orderId) ?? []);
        const confirmed = kinds.filter((kind) => isOneOf(kind, [CONFIRMED]));
        const compensated = kinds.filter((kind) => isOneOf(kind, COMPENSATED));
        expect(kinds.filter((kind) => !isOneOf(kind, [CONFIRMED, ...COMPENSATED]))).toEqual([]);
        expect({ confirmed: confirmed.length, compensated: compensated.length }).toEqual(orders);
      },
      TIMEOUT_MS,
    );
  },
  { kinds: ["nats-server", "broker-process"] },
);

/** Customers who place orders, each again with the same id until it is accepted. */
class Customers {
  readonly accepted: string[] = [];
  private begun = 0;
  private stopped = false;
  private waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(private readonly connection: NatsConnection) {}

  async placeAll(): Promise<void> {
    await Promise.all(Array.from({ length: PLACED_AT_ONCE }, () => this.placeSome()));
  }

  /** Resolves when `count` orders have been accepted. */
  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { count, resolve };
      this.tell();
    });
  }

  stop(): void {
    this.stopped = true;
  }

  private async placeSome(): Promise<void> {
    while (this.begun < ORDERS && !this.stopped) {
      const number = ++this.begun;
      const order = {
        orderId: randomUUID(),
        customer: "Ada",
        sku: "lamp",
        quantity: 1,
        card: number % 4 === 0 ? "4000" : "4242",
        city: number % 7 === 0 ? "Atlantis" : "Zurich",
      };
      while (!(await this.tryToPlace(order)) && !this.stopped);
      this.accepted.push(order.orderId);
      this.tell();
    }
  }

  private async tryToPlace(order: { readonly orderId: string }): Promise<boolean> {
    try {
      const reply = await this.connection.request("orders.place", JSON.stringify(order), { timeout: 1_000 });
      return (
        reply.headers?.get("Nats-Service-Error") === undefined ||
        reply.headers.get("Nats-Service-Error") === ""
      );
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50)); // nobody there, or no answer: again
      return false;
    }
  }

  private tell(): void {
    if (this.waiting !== undefined && this.accepted.length >= this.waiting.count) this.waiting.resolve();
  }
}

function isOneOf(kinds: readonly string[], allowed: readonly (readonly string[])[]): boolean {
  return allowed.some((expected) => expected.join() === kinds.join());
}
