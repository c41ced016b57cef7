import { Handler, type HandlerContext, type In, inject, Service } from "@ganglion/core";
import { Payments } from "../contracts/payments.js";
import { Ledger } from "../ledger.js";

/** Charges cards and gives money back. */
@Service(Payments)
export class PaymentsService {
  private readonly ledger = inject(Ledger);

  @Handler(Payments.charge)
  async charge(input: In<typeof Payments.charge>, ctx: HandlerContext<typeof Payments.charge>) {
    if (input.card.endsWith("0")) throw ctx.error("CARD_DECLINED", { card: input.card }, "card declined");
    await this.ledger.do(ctx.idempotencyKey, { kind: "charge", orderId: input.orderId });
    return { paymentId: ctx.idempotencyKey };
  }

  @Handler(Payments.refund)
  async refund(input: In<typeof Payments.refund>, ctx: HandlerContext<typeof Payments.refund>) {
    const refunded = await this.ledger.undo(ctx.idempotencyKey, { kind: "refund", orderId: input.orderId });
    return { refunded };
  }
}
