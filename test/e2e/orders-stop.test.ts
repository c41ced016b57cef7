import { tempDirectory } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { expect, it } from "vitest";
import type { NodeProcess } from "../support/node-process.js";
import { Customers, endsOf } from "./orders-customers.js";
import { finishOrders, startOrders } from "./orders-example.js";

const ORDERS = 90;
/** What an app gives running work when it is told to stop. */
const STOP_BUDGET_MS = 25_000;

describeBrokers(
  "orders under load, told to stop by SIGTERM",
  (start) => {
    it("answer what they took, end within their budget, and lose and double nothing", async () => {
      await using store = await tempDirectory();
      await using broker = await start();
      const args = ["--orders", "0", "--url", broker.url, "--store", store.path];
      const open = async () => {
        const shop = startOrders(...args);
        await shop.output(/Ctrl-C stops them/);
        return shop;
      };
      let shop: NodeProcess = await open();
      const connection = await connect({ servers: broker.url });
      const placing = new Customers(ORDERS, connection);
      const done = placing.placeAll();
      try {
        for (const share of [0.3, 0.6]) {
          await placing.reached(ORDERS * share);
          const startedMs = performance.now();
          expect(await shop.end("SIGTERM")).toEqual({ code: 0, signal: null });
          expect(performance.now() - startedMs).toBeLessThan(STOP_BUDGET_MS);
          shop = await open();
        }
        await done;
        expect(await shop.end("SIGTERM")).toEqual({ code: 0, signal: null });
      } finally {
        placing.stop();
        await shop[Symbol.asyncDispose]();
        await connection.close();
      }
      expect(placing.unanswered).toBe(0);
      const { orders, projection } = await finishOrders(ORDERS, ...args);
      expect(orders.confirmed + orders.compensated).toBe(ORDERS);
      expect(projection.rebuilt).toBe(true);
      expect(await endsOf(store.path, placing.accepted)).toEqual(orders);
    }, 120_000);
  },
  { kinds: ["nats-server", "broker-process"] },
);
