import { isGanglionError } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { type ComponentKind, defineComponent } from "../component/component.js";
import { contract } from "../contract/contract.js";
import { event, rpc, task } from "../contract/spec.js";
import { Handler } from "../decorators/handler.js";
import { Service } from "../decorators/service.js";
import { Subscriber } from "../decorators/subscriber.js";
import { Use } from "../decorators/use.js";
import { Worker } from "../decorators/worker.js";
import type { HandlerContext } from "../messages/context.js";
import type { Middleware } from "../runtime/middleware.js";
import { collect } from "./collect.js";

const text = z.string();
const Orders = contract("orders", {
  version: "1.2.0",
  place: rpc({ input: text, output: text }),
  cancel: rpc({ input: text, output: text }),
  placed: event({ data: text }),
  ship: task({ data: text }),
});
const outer: Middleware = (_, next) => next();
const inner: Middleware = (_, next) => next();

describe("collect", () => {
  it("gives each service its endpoints, with those of base classes", () => {
    class Base {
      @Handler(Orders.cancel) cancel(input: string) {
        return input;
      }
    }
    @Use(outer)
    @Service(Orders)
    class OrdersService extends Base {
      @Use(inner)
      @Handler(Orders.place, { concurrency: 3 })
      place(input: string) {
        return input;
      }
      @Worker(Orders.ship) ship(_task: string) {}
      @Subscriber(Orders.placed)
      @Subscriber(Orders.placed, { durable: "audit" })
      onPlaced(_event: string) {}
    }
    const [service] = collect([OrdersService, OrdersService]).services;
    expect(service).toMatchObject({ name: "orders", version: "1.2.0", type: OrdersService });
    expect(
      service?.endpoints.map(({ role, method, endpoint }) => [role, method, endpoint.template.pattern]),
    ).toEqual([
      ["handler", "place", "orders.place"],
      ["worker", "ship", "orders.ship"],
      ["subscriber", "onPlaced", "orders.placed"],
      ["subscriber", "onPlaced", "orders.placed"],
      ["handler", "cancel", "orders.cancel"],
    ]);
    expect(service?.endpoints[0]?.middleware).toEqual([outer, inner]);
    expect(service?.endpoints[0]?.options).toEqual({ concurrency: 3 });
    expect(service?.endpoints.map(({ options }) => "durable" in options && options.durable)).toEqual([
      false,
      false,
      false,
      "audit",
      false,
    ]);
  });

  it("binds specs outside of a contract to the service of the class", () => {
    const Quote = rpc({ input: text, output: text });
    const Priced = event({ subject: "pricing.{sku}.priced", data: text });
    @Service("pricing", { version: "2.0.1", sends: [Priced] })
    class Pricing {
      @Handler(Quote) quote(input: string, _ctx: HandlerContext<typeof Quote>) {
        return input;
      }
    }
    const [service] = collect([Pricing]).services;
    expect(service).toMatchObject({ name: "pricing", version: "2.0.1" });
    expect(service?.endpoints[0]?.endpoint).toMatchObject({ name: "quote", service: "pricing" });
    expect(service?.contract.endpoints.map(({ name, kind }) => [name, kind])).toEqual([["priced", "event"]]);
  });

  it("leaves classes of other kinds to those", () => {
    const kind: ComponentKind = {
      name: "probe",
      createHost: () => ({ start: async () => {}, stop: async () => {} }),
    };
    class Probe {}
    defineComponent(Probe, kind, {});
    expect(collect([Probe])).toEqual({ services: [], components: [Probe] });
  });

  it("refuses an order by a key that nobody declares or nobody can keep", () => {
    const plain = event({ data: text, subject: "a.plain" });
    const keyed = event({ data: text, subject: "a.keyed", key: (value) => value });
    @Service("ordering")
    class Ordering {
      @Subscriber(plain, { orderBy: "key" }) plain() {}
      @Subscriber(keyed, { orderBy: "key", batch: 10 }) many() {}
      @Subscriber(keyed, { orderBy: "key", durable: false }) live() {}
      @Worker(task({ data: text, subject: "a.work" }), { orderBy: "key" }) work() {}
      @Subscriber(keyed, { orderBy: "key", durable: "fine" }) fine() {}
    }
    expect(faultsOf(() => collect([Ordering]))).toEqual([
      "Ordering.plain is ordered by key, but its event has none: declare it, such as event({ data, key: (d) => d.id }), or leave orderBy out",
      "Ordering.many is ordered by key and takes batches, which hold many keys: leave orderBy or batch out",
      "Ordering.live is ordered by key, but keeps no messages to hold back: leave orderBy or durable: false out",
      "Ordering.work is ordered by key, but its task has none: declare it, such as task({ data, key: (d) => d.id }), or leave orderBy out",
    ]);
  });

  it("refuses all faults of all classes at once", () => {
    class Plain {}
    // The compiler refuses these; JavaScript does not.
    const AnyService = Service as (what: unknown, options?: object) => (type: object) => void;
    const AnyHandler = Handler as (spec: unknown) => (...args: unknown[]) => void;
    @AnyService(Orders)
    class Incomplete {
      place(input: string) {
        return input;
      }
    }
    @AnyService("bad name", { version: "1" })
    class BadName {
      @AnyHandler(Orders.place) wrong() {}
      @AnyHandler(rpc({ input: z.date(), output: text })) later() {}
      @Subscriber(event({ data: text })) onNothing() {}
    }
    @AnyService(Orders, { only: ["place"] })
    class Twice {
      @Handler(Orders.place) place(input: string) {
        return input;
      }
    }
    @AnyService(Orders, { only: ["place"] })
    class Again extends Twice {}
    expect(faultsOf(() => collect([Plain, Incomplete, BadName, Twice, Again]))).toEqual([
      "Plain is no service: put @Service(…) in front of it",
      "Incomplete.place is not decorated: put @Handler in front of it",
      "Incomplete has no method for the rpc cancel of orders",
      'BadName: service name "bad name" must match ^[A-Za-z0-9_-]+$',
      'BadName: version "1" must be semantic, such as "1.0.0"',
      "BadName.wrong answers orders.place, which is not of unnamed",
      "BadName.wrong answers orders.place: call the method place",
      expect.stringContaining("BadName.later has a fault: later.input is not JSON"),
      "BadName.onNothing has an event or task outside of a contract: give it a subject",
      "Twice.place and BadName.wrong both serve requests on orders.place",
      "Again.place and Twice.place both serve requests on orders.place",
    ]);
  });
});

function faultsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (isGanglionError(error, "INVALID_SERVICE")) return error.details.faults as string[];
    throw error;
  }
  return expect.unreachable("nothing was refused");
}
