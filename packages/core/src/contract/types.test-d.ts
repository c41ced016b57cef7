import { describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import type { ClassClient, ContractClient } from "../client/call.js";
import { Handler } from "../decorators/handler.js";
import { Service } from "../decorators/service.js";
import { Subscriber } from "../decorators/subscriber.js";
import { Worker } from "../decorators/worker.js";
import type {
  Effects,
  EventBatchContext,
  EventContext,
  HandlerContext,
  TaskContext,
} from "../messages/context.js";
import { contract } from "./contract.js";
import type { DataIn, DataOut, Failure, In, Out } from "./inference.js";
import { event, rpc, task } from "./spec.js";

const Place = z.object({ sku: z.string(), qty: z.number().default(1) });
const IsoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const Orders = contract("orders", {
  version: "1.2.0",
  place: rpc({
    input: Place,
    output: z.object({ id: z.string() }),
    errors: { OUT_OF_STOCK: z.object({ sku: z.string() }) },
    timeout: "2s",
  }),
  plain: rpc({ input: z.string(), output: z.string() }),
  watch: rpc({ input: z.string(), output: z.number(), stream: true }),
  reboot: rpc({ input: z.void(), output: z.void(), subject: "devices.{id}.reboot" }),
  placed: event({ data: z.object({ orderId: z.string(), at: IsoDate }), key: (e) => e.orderId }),
  ship: task({ data: z.object({ orderId: z.string() }) }),
});
const Created = event({ subject: "orders.{region}.created", data: z.object({ id: z.string() }) });
type PlaceContext = HandlerContext<typeof Orders.place>;

declare const client: ContractClient<typeof Orders>;
declare const effects: Effects;
declare const context: TaskContext;

describe("contract", () => {
  it("binds name and service literally", () => {
    expectTypeOf(Orders.place.name).toEqualTypeOf<"place">();
    expectTypeOf(Orders.place.service).toEqualTypeOf<"orders">();
  });

  it("gives handlers the decoded input and callers the plain one", () => {
    expectTypeOf<In<typeof Orders.place>>().toEqualTypeOf<{ sku: string; qty: number }>();
    expectTypeOf<Out<typeof Orders.place>>().toEqualTypeOf<{ id: string }>();
    expectTypeOf<DataOut<typeof Orders.placed>["at"]>().toEqualTypeOf<Date>();
    expectTypeOf<DataIn<typeof Orders.placed>["at"]>().toEqualTypeOf<string>();
    expectTypeOf<Failure<typeof Orders.plain>>().toEqualTypeOf<never>();
  });

  it("refuses what is no endpoint and a missing version", () => {
    // @ts-expect-error a number is no endpoint
    contract("bad", { version: "1.0.0", place: 1 });
    // @ts-expect-error version is missing
    contract("bad", { place: rpc({ input: z.string(), output: z.string() }) });
  });
});

describe("Service and Handler", () => {
  it("take methods that fit", () => {
    @Service(Orders)
    class Good {
      @Handler(Orders.place, { concurrency: 32 })
      async place(input: In<typeof Orders.place>, ctx: PlaceContext) {
        if (input.qty > 9) throw ctx.error("OUT_OF_STOCK", { sku: input.sku });
        return { id: "o1" };
      }
      @Handler(Orders.plain) plain(input: string, ctx: HandlerContext<typeof Orders.plain>) {
        // @ts-expect-error no errors are declared
        if (!input) throw ctx.error("ANY", {});
        return input;
      }
      @Handler(Orders.watch) async *watch(input: string) {
        yield input.length;
      }
      @Handler(Orders.reboot) reboot(
        _input: In<typeof Orders.reboot>,
        ctx: HandlerContext<typeof Orders.reboot>,
      ) {
        expectTypeOf(ctx.params.id).toEqualTypeOf<string>();
      }
    }
    @Service(Orders, { only: ["plain"] })
    class Half {
      @Handler(Orders.plain) plain(input: string) {
        return input;
      }
    }
    void [Good, Half];
  });

  it("refuse a class without a method for an rpc", () => {
    // @ts-expect-error place, plain, watch and reboot are missing
    @Service(Orders)
    class Missing {}
    // @ts-expect-error no rpc of that name
    @Service(Orders, { only: ["nope"] })
    class Unknown {}
    void [Missing, Unknown];
  });

  it("refuse methods that do not fit", () => {
    class WrongInput {
      // @ts-expect-error sku is a string
      @Handler(Orders.place) async place(_input: { sku: number }) {
        return { id: "" };
      }
    }
    class WrongResult {
      // @ts-expect-error the result is { id }
      @Handler(Orders.place) async place(_input: { sku: string }) {
        return { ID: "" };
      }
    }
    class WrongName {
      // @ts-expect-error the method must be called place
      @Handler(Orders.place) async placeIt(_input: { sku: string }) {
        return { id: "" };
      }
    }
    class NotMany {
      // @ts-expect-error a streaming rpc answers with many values
      @Handler(Orders.watch) async watch(input: string) {
        return input.length;
      }
    }
    class WrongCode {
      @Handler(Orders.place) async place(_input: { sku: string }, ctx: PlaceContext) {
        // @ts-expect-error undeclared code
        ctx.error("SOLD_OUT", { sku: "a" });
        // @ts-expect-error data does not fit the declared schema
        ctx.error("OUT_OF_STOCK", { name: "a" });
        return { id: "" };
      }
    }
    void [WrongInput, WrongResult, WrongName, NotMany, WrongCode];
  });
});

describe("Subscriber and Worker", () => {
  it("take methods that fit, and refuse others", () => {
    class Events {
      @Subscriber(Created) one(event: { id: string }, ctx: EventContext<typeof Created>) {
        expectTypeOf(ctx.params).toEqualTypeOf<{ readonly region: string }>();
        // @ts-expect-error no such token
        ctx.params.country;
        return void event;
      }
      @Subscriber(Created, { batch: 100 }) many(
        events: readonly { id: string }[],
        ctx: EventBatchContext<typeof Created>,
      ) {
        expectTypeOf(ctx.deliveries[0]?.params.region).toEqualTypeOf<string | undefined>();
        return void events;
      }
      // @ts-expect-error a batch hands over an array
      @Subscriber(Created, { batch: 100 }) bad(_event: { id: string }) {}
      // @ts-expect-error at is a Date once decoded
      @Subscriber(Orders.placed) wrong(_event: { at: string }) {}
      @Worker(Orders.ship, { concurrency: 8, retry: { attempts: 5, backoff: "exponential(1s, 60s)" } })
      async ship(_task: { orderId: string }, _ctx: TaskContext) {}
      // @ts-expect-error the task has no weight
      @Worker(Orders.ship) async weigh(_task: { weight: number }) {}
      // @ts-expect-error an event is no task
      @Worker(Created) async work(_task: { id: string }) {}
    }
    void Events;
  });
});

describe("client", () => {
  it("takes the plain input and gives the decoded output", async () => {
    expectTypeOf(client.place({ sku: "a" })).resolves.toEqualTypeOf<{ id: string }>();
    expectTypeOf(client.watch("a")).toEqualTypeOf<AsyncIterable<number>>();
    expectTypeOf<keyof typeof client>().toEqualTypeOf<"place" | "plain" | "watch" | "reboot">();
    const result = await client.place.safe({ sku: "a" });
    if (!result.ok && result.error.code === "OUT_OF_STOCK") {
      expectTypeOf(result.error.data).toEqualTypeOf<{ sku: string }>();
    }
  });

  it("is told apart by the endpoint in a context", () => {
    expectTypeOf(context.call(Orders.place, { sku: "a" })).resolves.toEqualTypeOf<{ id: string }>();
    expectTypeOf(context.call(Orders.watch, "a")).toEqualTypeOf<AsyncIterable<number>>();
    // @ts-expect-error sku is a string
    void context.call(Orders.place, { sku: 1 });
    // @ts-expect-error the input is a string
    void context.call(Orders.watch, 1);
  });

  it("refuses wrong calls", () => {
    // @ts-expect-error sku is a string
    void client.place({ sku: 1 });
    // @ts-expect-error no such option
    void client.place({ sku: "a" }, { timeoutMs: 1 });
    // @ts-expect-error no unit
    void client.place({ sku: "a" }, { timeout: "1" });
    // @ts-expect-error an event is not called
    client.placed;
    // @ts-expect-error the subject needs an id
    void client.reboot(undefined);
    void client.reboot(undefined, { params: { id: "d1" } });
  });

  it("is derived from a class by the type of its contexts", () => {
    const Quote = rpc({
      input: Place,
      output: z.object({ price: z.number() }),
      errors: { UNKNOWN: z.object({ sku: z.string() }) },
    });
    @Service("pricing")
    class Pricing {
      @Handler(Quote) async quote(input: In<typeof Quote>, _ctx: HandlerContext<typeof Quote>) {
        return { price: input.qty };
      }
      onStart() {}
    }
    const pricing = {} as ClassClient<Pricing>;
    expectTypeOf<keyof typeof pricing>().toEqualTypeOf<"quote">();
    expectTypeOf(pricing.quote).parameter(0).toEqualTypeOf<{ sku: string; qty?: number | undefined }>();
  });
});

describe("Effects", () => {
  it("check data and subject parameters", () => {
    void effects.emit(Created, { id: "1" }, { params: { region: "us" } });
    void effects.emit(Orders.placed, { orderId: "1", at: "2026-01-01T00:00:00Z" });
    void effects.enqueue(Orders.ship, { orderId: "1" });
    void effects.call(Orders.place, { sku: "a" });
    // @ts-expect-error an rpc that answers with many values is called through a client or a context
    void effects.call(Orders.watch, "a");
    // @ts-expect-error region is missing
    void effects.emit(Created, { id: "1" });
    // @ts-expect-error the parameter is called region
    void effects.emit(Created, { id: "1" }, { params: { country: "us" } });
    // @ts-expect-error a task is not emitted
    void effects.emit(Orders.ship, { orderId: "1" });
    // @ts-expect-error a spec outside of a contract has no subject to call
    void effects.call(rpc({ input: z.string(), output: z.string() }), "a");
  });
});
