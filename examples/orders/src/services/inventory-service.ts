import { Handler, type HandlerContext, type In, inject, Service } from "@ganglion/core";
import { Inventory } from "../contracts/inventory.js";
import { Ledger } from "../ledger.js";

/** Holds goods back for orders and gives them back. */
@Service(Inventory)
export class InventoryService {
  private readonly ledger = inject(Ledger);

  @Handler(Inventory.reserve)
  async reserve(input: In<typeof Inventory.reserve>, ctx: HandlerContext<typeof Inventory.reserve>) {
    await this.ledger.do(ctx.idempotencyKey, { kind: "reserve", orderId: input.orderId });
    return { reservationId: ctx.idempotencyKey };
  }

  @Handler(Inventory.release)
  async release(input: In<typeof Inventory.release>, ctx: HandlerContext<typeof Inventory.release>) {
    const released = await this.ledger.undo(ctx.idempotencyKey, { kind: "release", orderId: input.orderId });
    return { released };
  }
}
