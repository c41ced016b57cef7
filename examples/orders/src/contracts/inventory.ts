import { contract, rpc } from "@ganglion/core";
import * as z from "zod";

/** Holds goods back for orders. Both calls are idempotent by the caller's idempotency key. */
export const Inventory = contract("inventory", {
  version: "1.0.0",
  reserve: rpc({
    input: z.object({ orderId: z.string(), sku: z.string(), quantity: z.int().min(1) }),
    output: z.object({ reservationId: z.string() }),
    idempotent: true,
  }),
  release: rpc({
    input: z.object({ orderId: z.string() }),
    output: z.object({ released: z.boolean() }),
    idempotent: true,
  }),
});
