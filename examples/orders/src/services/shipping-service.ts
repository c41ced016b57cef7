import { Handler, type HandlerContext, type In, inject, Service } from "@ganglion/core";
import { Shipping } from "../contracts/shipping.js";
import { Ledger } from "../ledger.js";

/** Sends parcels. */
@Service(Shipping)
export class ShippingService {
  private readonly ledger = inject(Ledger);

  @Handler(Shipping.ship)
  async ship(input: In<typeof Shipping.ship>, ctx: HandlerContext<typeof Shipping.ship>) {
    const { orderId, city } = input;
    if (city === "Atlantis") throw ctx.error("UNDELIVERABLE", { city }, `nobody delivers to ${city}`);
    await this.ledger.do(ctx.idempotencyKey, { kind: "ship", orderId });
    return { trackingId: ctx.idempotencyKey };
  }
}
