import { contract, type DataOut, event } from "@ganglion/core";
import { expectTypeOf, it } from "vitest";
import * as z from "zod";
import {
  kv,
  memory,
  On,
  Projection,
  type ProjectionClient,
  type ProjectionContext,
  type Rows,
} from "./index.js";

interface OrderRow {
  readonly status: string;
}
const Orders = contract("orders", {
  version: "1.0.0",
  placed: event({ subject: "orders.{region}.placed", data: z.object({ id: z.string(), total: z.number() }) }),
});
type Placed = DataOut<typeof Orders.placed>;

@Projection("order-summary", { version: 3, store: memory<OrderRow>() })
class OrderSummary {
  @On(Orders.placed)
  async placed(e: Placed, ctx: ProjectionContext<Rows<OrderRow>, typeof Orders.placed>) {
    expectTypeOf(ctx.params.region).toBeString();
    expectTypeOf(await ctx.tx.get(e.id)).toEqualTypeOf<OrderRow | undefined>();
    ctx.tx.set(e.id, { status: "placed" });
    // @ts-expect-error a row of another shape
    ctx.tx.set(e.id, { state: 1 });
  }
}

class Wrong {
  // @ts-expect-error other data than the event's
  @On(Orders.placed) placed(_e: { id: number }) {}
}

// @ts-expect-error its handler is written for other rows than the store holds
@Projection("other", { store: kv<{ n: number }>() })
class OtherStore {
  @On(Orders.placed) placed(_e: Placed, _ctx: ProjectionContext<Rows<OrderRow>>) {}
}

it("rows are typed by the handlers", () => {
  expectTypeOf<Awaited<ReturnType<ProjectionClient<OrderSummary>["get"]>>>().toEqualTypeOf<
    OrderRow | undefined
  >();
  expectTypeOf<Wrong & OtherStore>().toBeObject();
});
