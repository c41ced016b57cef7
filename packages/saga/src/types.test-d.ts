import { contract, event, rpc } from "@ganglion/core";
import { expectTypeOf, it } from "vitest";
import * as z from "zod";
import type { CompensationContext, SagaContext, StepContext } from "./context.js";
import { Saga, Step } from "./decorators.js";

const Order = z.object({ id: z.string(), total: z.number() });
type Order = z.output<typeof Order>;
const Delivery = contract("delivery", {
  version: "1.0.0",
  confirmed: event({ data: z.object({ orderId: z.string(), by: z.string() }), key: (e) => e.orderId }),
  book: rpc({ input: z.object({ id: z.string() }), output: z.object({ slot: z.string() }) }),
});

@Saga("checkout", { version: 2, input: Order, concurrency: 64 })
class Checkout {
  @Step({
    compensate: "releaseStock",
    retry: { attempts: 3, backoff: "exponential(200ms, 5s)" },
    timeout: "10s",
  })
  async reserveStock(ctx: StepContext<Order>) {
    expectTypeOf(ctx.input.total).toBeNumber();
    return { reservation: "r1", lines: 3 };
  }
  releaseStock(ctx: CompensationContext<Order, Checkout, "reserveStock">) {
    expectTypeOf(ctx.results.reserveStock).toEqualTypeOf<
      { reservation: string; lines: number } | undefined
    >();
  }

  @Step({ after: ["reserveStock"], compensate: "refund" })
  async charge(ctx: StepContext<Order, Checkout, "reserveStock">) {
    return { paid: ctx.results.reserveStock.lines * ctx.input.total };
  }
  refund(_ctx: SagaContext<Order>) {}

  @Step({ after: ["charge"], pivot: true, when: "needsDelivery" })
  async ship(ctx: StepContext<Order, Checkout, "charge">) {
    const { slot } = await ctx.call(Delivery.book, { id: ctx.id });
    return slot.length + ctx.results.charge.paid;
  }
  needsDelivery(ctx: StepContext<Order, Checkout, "charge">) {
    return ctx.results.charge.paid > 0;
  }

  @Step({ waitFor: Delivery.confirmed, timeout: "7d", onTimeout: "escalate" })
  delivered(_ctx: StepContext<Order>, e: { orderId: string; by: string }) {
    return e.by;
  }
  escalate(_ctx: SagaContext<Order>) {
    return "nobody";
  }

  @Step({ waitFor: "rated" })
  rated(_ctx: StepContext<Order>, stars: number) {
    return stars;
  }

  @Step()
  last() {}
}

class Wrong {
  @Step() async a(_ctx: StepContext<Order>) {
    return { x: 1 };
  }
  // @ts-expect-error reads `a` without naming it in after
  @Step() async b(ctx: StepContext<Order, Wrong, "a">) {
    return ctx.results.a.x;
  }
  // @ts-expect-error the compensation does not exist
  @Step({ compensate: "nope" }) async c(_ctx: StepContext<Order>) {}
  // @ts-expect-error unknown step
  @Step({ after: ["zzz"] }) async d(_ctx: StepContext<Order>) {}
  // @ts-expect-error a compensation must cope with a step in doubt, which has no result
  @Step({ compensate: "undoE" }) async e(_ctx: StepContext<Order>) {
    return { n: 1 };
  }
  undoE(ctx: StepContext<Order, Wrong, "e">) {
    return ctx.results.e.n;
  }
  // @ts-expect-error the event has other data
  @Step({ waitFor: Delivery.confirmed }) f(_ctx: StepContext<Order>, _e: { orderId: number }) {}
  // @ts-expect-error a condition tells yes or no
  @Step({ when: "maybe" }) g(_ctx: StepContext<Order>) {}
  maybe() {
    return "perhaps";
  }
  // @ts-expect-error unknown unit
  @Step({ timeout: "1 week" }) h(_ctx: StepContext<Order>) {}
}

// @ts-expect-error its step is written for another input
@Saga("other", { input: z.object({ sku: z.string() }) })
class OtherInput {
  @Step() a(_ctx: StepContext<Order>) {}
}

it("contexts are typed", () => {
  expectTypeOf<StepContext<Order, Checkout, "reserveStock">["results"]>().toEqualTypeOf<{
    readonly reserveStock: { reservation: string; lines: number };
  }>();
  expectTypeOf<Wrong & OtherInput>().toBeObject();
});
