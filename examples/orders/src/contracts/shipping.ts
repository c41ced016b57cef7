import { contract, rpc } from "@ganglion/core";
import * as z from "zod";

/** Brings goods to customers. Idempotent by the caller's idempotency key. */
export const Shipping = contract("shipping", {
  version: "1.0.0",
  ship: rpc({
    input: z.object({ orderId: z.string(), city: z.string() }),
    output: z.object({ trackingId: z.string() }),
    errors: { UNDELIVERABLE: z.object({ city: z.string() }) },
    idempotent: true,
  }),
});
