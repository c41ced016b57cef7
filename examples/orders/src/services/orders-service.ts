import { randomUUID } from "node:crypto";
import { Handler, type HandlerContext, type In, inject, Service, token } from "@ganglion/core";
import { PRICES_CENTS } from "../catalog.js";
import { type Order, type OrderSummary, Orders } from "../contracts/orders.js";

/** What the service does beside answering: it hands orders to the checkout saga and looks into the read model. */
export interface OrderDesk {
  checkOut(order: Order): Promise<void>;
  find(orderId: string): Promise<OrderSummary | undefined>;
}
export const OrderDesk = token<OrderDesk>("OrderDesk");

/** Takes orders and tells what became of them. */
@Service(Orders)
export class OrdersService {
  private readonly desk = inject(OrderDesk);

  @Handler(Orders.place)
  async place(input: In<typeof Orders.place>, ctx: HandlerContext<typeof Orders.place>) {
    const { sku, quantity, orderId = randomUUID() } = input;
    const priceCents = PRICES_CENTS[sku];
    if (priceCents === undefined) {
      throw ctx.error("UNKNOWN_SKU", { sku, known: Object.keys(PRICES_CENTS) }, `there is no ${sku}`);
    }
    await this.desk.checkOut({ ...input, orderId, totalCents: quantity * priceCents });
    return { orderId };
  }

  @Handler(Orders.find)
  async find({ orderId }: In<typeof Orders.find>, ctx: HandlerContext<typeof Orders.find>) {
    const order = await this.desk.find(orderId);
    if (order === undefined) throw ctx.error("NO_ORDER", { orderId }, `there is no order ${orderId}`);
    return order;
  }
}
