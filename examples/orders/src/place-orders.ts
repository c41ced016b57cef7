import { randomUUID } from "node:crypto";
import { createApp } from "@ganglion/core";
import { throwIfAborted } from "@ganglion/kernel";
import { Orders } from "./contracts/orders.js";
import type { Report } from "./report.js";
import { sampleOrder } from "./sample-orders.js";
import type { Surroundings } from "./shop.js";

/** Orders that are placed at the same time. */
const PLACED_AT_ONCE = 16;

/** An order a service has accepted. */
export interface PlacedOrder {
  readonly orderId: string;
  /** The trace that began with the customer. */
  readonly traceId: string;
}

/** Places sample orders, as a customer would: over the wire, with nothing but the contract. */
export async function placeOrders(
  count: number,
  { url, telemetry, logger }: Surroundings,
  { report, stop }: { readonly report: Report; readonly stop: AbortSignal },
): Promise<readonly PlacedOrder[]> {
  if (count === 0) return [];
  const { observer } = await telemetry.service("customer");
  await using app = await createApp({ name: "customer", nats: url, observer, logger });
  await app.start();
  const placed: PlacedOrder[] = [];
  let next = 0;
  const placeSome = async (): Promise<void> => {
    while (next < count) {
      throwIfAborted(stop, "Placing orders");
      const request = { ...sampleOrder(next++), orderId: randomUUID() };
      const span = observer.startSpan({ name: `order ${request.orderId.slice(0, 8)}`, kind: "internal" });
      try {
        const { orderId } = await span.run(() => app.client(Orders).place(request));
        placed.push({ orderId, traceId: span.ids?.traceId ?? "" });
      } finally {
        span.end();
      }
      report.progress("placing orders", { done: placed.length, total: count });
    }
  };
  await Promise.all(Array.from({ length: PLACED_AT_ONCE }, placeSome));
  return placed;
}
