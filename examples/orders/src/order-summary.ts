import type { DataOut } from "@ganglion/core";
import { kv, On, Projection, type ProjectionContext, type Rows } from "@ganglion/eventsourcing";
import { type OrderSummary as OrderRow, Orders } from "./contracts/orders.js";

type Context = ProjectionContext<Rows<OrderRow>>;

/** The read model: one row per order, built from the events of orders and from nothing else. */
@Projection("order-summary", { version: 1, store: kv<OrderRow>() })
export class OrderSummary {
  @On(Orders.placed)
  placed(order: DataOut<typeof Orders.placed>, ctx: Context) {
    ctx.tx.set(order.orderId, { ...order, status: "placed", reason: "" });
  }

  @On(Orders.confirmed)
  async confirmed({ orderId }: DataOut<typeof Orders.confirmed>, ctx: Context) {
    await ctx.tx.update(orderId, (row) => row && { ...row, status: "confirmed" });
  }

  @On(Orders.compensated)
  async compensated({ orderId, reason }: DataOut<typeof Orders.compensated>, ctx: Context) {
    await ctx.tx.update(orderId, (row) => row && { ...row, status: "compensated", reason });
  }
}
