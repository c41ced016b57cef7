import { contract, type DataOut, event, Service } from "@ganglion/core";
import { kv, On, Projection, type ProjectionContext, type Rows } from "@ganglion/eventsourcing";
import * as z from "zod";

export const Shop = contract("shop", {
  version: "1.0.0",
  sold: event({ data: z.object({ item: z.string(), amount: z.number() }) }),
});

/** Owns the stream of the events. */
@Service(Shop)
export class Shopkeeper {}

/** Sum and number of sales; `last` chains the events, so that a missing, doubled or swapped one shows. */
export interface Total {
  readonly sum: number;
  readonly count: number;
  readonly last: number;
  readonly chain: number;
}

export function add(row: Total | undefined, amount: number, sequence: number): Total {
  const chain = (Math.imul(row?.chain ?? 7, 31) + sequence) | 0;
  return { sum: (row?.sum ?? 0) + amount, count: (row?.count ?? 0) + 1, last: sequence, chain };
}

@Projection("totals", { store: kv<Total>({ lease: "500ms" }) })
export class Totals {
  @On(Shop.sold)
  async sold(e: DataOut<typeof Shop.sold>, { tx, sequence }: ProjectionContext<Rows<Total>>) {
    const item = await tx.get(e.item);
    const all = await tx.get("all");
    tx.set(e.item, add(item, e.amount, sequence));
    tx.set("all", add(all, e.amount, sequence)); // depends on every event before it
  }
}
