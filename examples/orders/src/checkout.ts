import { type CompensationContext, Saga, Step, type StepContext } from "@ganglion/saga";
import { Inventory } from "./contracts/inventory.js";
import { Order, Orders } from "./contracts/orders.js";
import { Payments } from "./contracts/payments.js";
import { Shipping } from "./contracts/shipping.js";

/**
 * Reserve, charge, ship. When a step fails, what was done before is undone in reverse order; once the goods are on
 * their way there is only forward. The id of the saga is the id of the order.
 */
@Saga("checkout", { version: 1, input: Order, concurrency: 64 })
export class Checkout {
  @Step({ compensate: "giveUp" })
  async open(ctx: StepContext<Order>) {
    await ctx.emit(Orders.placed, ctx.input);
  }

  async giveUp(ctx: CompensationContext<Order>) {
    await ctx.emit(Orders.compensated, { orderId: ctx.id, reason: ctx.failure.message });
  }

  @Step({ compensate: "release" })
  async reserve(ctx: StepContext<Order>) {
    const { sku, quantity } = ctx.input;
    return await ctx.call(Inventory.reserve, { orderId: ctx.id, sku, quantity });
  }

  async release(ctx: CompensationContext<Order>) {
    await ctx.call(Inventory.release, { orderId: ctx.id });
  }

  @Step({ compensate: "refund" })
  async charge(ctx: StepContext<Order>) {
    const { card, totalCents } = ctx.input;
    return await ctx.call(Payments.charge, { orderId: ctx.id, card, amountCents: totalCents });
  }

  async refund(ctx: CompensationContext<Order>) {
    await ctx.call(Payments.refund, { orderId: ctx.id });
  }

  // Shipping answers a repeated order with the same key as it did the first time: a refusal is final.
  @Step({ pivot: true, idempotent: true })
  async ship(ctx: StepContext<Order>) {
    return await ctx.call(Shipping.ship, { orderId: ctx.id, city: ctx.input.city });
  }

  @Step({ after: ["ship"] })
  async confirm(ctx: StepContext<Order, Checkout, "ship">) {
    await ctx.emit(Orders.confirmed, { orderId: ctx.id, trackingId: ctx.results.ship.trackingId });
  }
}
