import { contract, event, rpc } from "@ganglion/core";
import * as z from "zod";

export const Shop = contract("bench", {
  version: "1.0.0",
  place: rpc({
    input: z.object({
      sku: z.string().min(1),
      quantity: z.number().int().positive(),
      customer: z.string(),
      note: z.string().optional(),
    }),
    output: z.object({
      id: z.string(),
      status: z.enum(["accepted", "refused"]),
      total: z.number(),
      lines: z.number(),
    }),
  }),
  placed: event({
    data: z.object({ sku: z.string().min(1), quantity: z.number(), customer: z.string(), note: z.string() }),
  }),
});
