import { contract, event, rpc } from "@ganglion/core";
import * as z from "zod";

/** What a customer asks for. */
export const OrderRequest = z.object({
  customer: z.string().min(1),
  sku: z.string().min(1),
  quantity: z.int().min(1).max(100),
  /** Four digits; this example's bank declines cards that end in 0. */
  card: z.string().regex(/^\d{4}$/, "four digits"),
  /** Nobody delivers to Atlantis. */
  city: z.string().min(1),
});
export type OrderRequest = z.output<typeof OrderRequest>;

/** A request that was accepted. Amounts are in cents. */
export const Order = OrderRequest.extend({ orderId: z.string(), totalCents: z.int() });
export type Order = z.output<typeof Order>;

/** A row of the read model. */
export const OrderSummary = Order.extend({
  status: z.enum(["placed", "confirmed", "compensated"]),
  /** Why it was compensated; empty otherwise. */
  reason: z.string(),
});
export type OrderSummary = z.output<typeof OrderSummary>;

const OrderRef = z.object({ orderId: z.string() });

/** Takes orders and tells what becomes of them. */
export const Orders = contract("orders", {
  version: "1.0.0",
  /** Accepts an order: from then on it ends confirmed or compensated. In doubt, repeat it with the same id. */
  place: rpc({
    input: OrderRequest.extend({ orderId: z.string().optional() }),
    output: OrderRef,
    errors: { UNKNOWN_SKU: z.object({ sku: z.string(), known: z.array(z.string()) }) },
    idempotent: true,
  }),
  find: rpc({ input: OrderRef, output: OrderSummary, errors: { NO_ORDER: OrderRef }, idempotent: true }),
  placed: event({ data: Order, key: (order) => order.orderId }),
  confirmed: event({ data: OrderRef.extend({ trackingId: z.string() }), key: (order) => order.orderId }),
  compensated: event({ data: OrderRef.extend({ reason: z.string() }), key: (order) => order.orderId }),
});
