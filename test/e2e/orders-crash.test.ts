import { tempDirectory } from "@ganglion/testing";
import { describeBrokers } from "@ganglion/testing/vitest";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import type { NodeProcess } from "../support/node-process.js";
import { Customers, endsOf } from "./orders-customers.js";
import { finishOrders, startOrders } from "./orders-example.js";

const ORDERS = 60;
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

        const placing = new Customers(ORDERS, connection);
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

        const { orders, projection } = await finishOrders(ORDERS, ...args);
        expect(orders.confirmed + orders.compensated).toBe(ORDERS);
        expect(projection.rebuilt).toBe(true);
        expect(await endsOf(store.path, placing.accepted)).toEqual(orders);
      },
      TIMEOUT_MS,
    );
  },
  { kinds: ["nats-server", "broker-process"] },
);

describe("orders whose process holds the broker", () => {
  it(
    "survive that it is killed again and again, with every effect exactly once",
    async () => {
      await using store = await tempDirectory();
      const args = ["--orders", "0", "--store", store.path];
      const open = async () => {
        const shop = startOrders(...args);
        const [, url = ""] = await shop.output(/nats --server (\S+) request/);
        return { shop, connection: await connect({ servers: url, reconnect: false }) };
      };
      let { shop, connection } = await open();
      const placing = new Customers(ORDERS, connection);
      const done = placing.placeAll();
      try {
        for (const share of [0.3, 0.6]) {
          await placing.reached(ORDERS * share);
          await shop.end("SIGKILL");
          ({ shop, connection } = await open());
          placing.moveTo(connection);
        }
        await done;
        await shop.end("SIGKILL"); // with the last orders still under way
      } finally {
        placing.stop();
        await shop[Symbol.asyncDispose]();
      }
      const { orders, projection } = await finishOrders(ORDERS, ...args);
      expect(orders.confirmed + orders.compensated).toBe(ORDERS);
      expect(projection.rebuilt).toBe(true);
      expect(await endsOf(store.path, placing.accepted)).toEqual(orders);
    },
    TIMEOUT_MS,
  );
});
