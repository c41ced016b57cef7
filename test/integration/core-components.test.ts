import { contract, Handler, type In, rpc, Service } from "@ganglion/core";
import { Saga, Step, type StepContext } from "@ganglion/saga";
import { describeBrokers } from "@ganglion/testing/vitest";
import { expect, it } from "vitest";
import * as z from "zod";
import { startApp } from "../support/core-app.js";

const Stock = contract("stock", {
  version: "1.0.0",
  reserve: rpc({ input: z.object({ sku: z.string() }), output: z.object({ reservation: z.string() }) }),
});

const keys: (string | undefined)[] = [];

@Service(Stock)
class StockService {
  @Handler(Stock.reserve) reserve({ sku }: In<typeof Stock.reserve>) {
    return { reservation: `r-${sku}` };
  }
}

@Saga("checkout", { input: z.object({ sku: z.string() }) })
class Checkout {
  @Step() async reserve(ctx: StepContext<{ sku: string }>) {
    keys.push(ctx.key);
    return ctx.call(Stock.reserve, { sku: ctx.input.sku });
  }
}

describeBrokers("components in an app", (startBroker) => {
  it("a saga is listed beside services and calls them", async () => {
    keys.length = 0;
    await using broker = await startBroker();
    await using app = await startApp({ services: [StockService, Checkout], nats: broker.url });
    await app.sagas(Checkout).start({ id: "c1", input: { sku: "a" } });
    const result = await app.sagas(Checkout).result("c1", { timeout: "10s" });
    expect(result).toMatchObject({ status: "completed" });
    expect(keys).toEqual(["checkout:c1:reserve"]);
    expect(app.health().problems).toEqual([]);
  });
});
