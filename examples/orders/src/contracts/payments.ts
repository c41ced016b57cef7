import { contract, rpc } from "@ganglion/core";
import * as z from "zod";

/** Moves money. Both calls are idempotent by the caller's idempotency key. Amounts are in cents. */
export const Payments = contract("payments", {
  version: "1.0.0",
  charge: rpc({
    input: z.object({ orderId: z.string(), card: z.string(), amountCents: z.int().min(1) }),
    output: z.object({ paymentId: z.string() }),
    errors: { CARD_DECLINED: z.object({ card: z.string() }) },
    idempotent: true,
  }),
  refund: rpc({
    input: z.object({ orderId: z.string() }),
    output: z.object({ refunded: z.boolean() }),
    idempotent: true,
  }),
});
