import { describe, expect, it } from "vitest";
import { Inject } from "../decorators/inject.js";
import { Container } from "./container.js";
import { inject } from "./inject.js";
import { factory } from "./provider.js";
import { token } from "./token.js";

const Config = token<{ readonly url: string }>("Config");

abstract class Stock {
  abstract count(): number;
}
class FixedStock extends Stock {
  override count() {
    return 3;
  }
}

describe("Container", () => {
  it("gives fields and parameters their dependencies, once", () => {
    class Inner {
      readonly stock = inject(Stock);
    }
    class Outer {
      readonly inner = inject(Inner);
      constructor(
        @Inject(Stock) readonly stock: Stock,
        @Inject(Config) readonly config: { readonly url: string },
      ) {}
    }
    const container = new Container([
      Inner,
      { provide: Stock, useClass: FixedStock },
      { provide: Config, useValue: { url: "x" } },
    ]);
    const outer = container.construct(Outer);
    expect(outer.stock.count()).toBe(3);
    expect(outer.inner.stock).toBe(outer.stock);
    expect(outer.config.url).toBe("x");
    expect(container.construct(Outer)).toBe(outer);
  });

  it("makes what takes time first, dependencies before those who need them, and disposes in reverse", async () => {
    const log: string[] = [];
    class Pool {
      constructor(readonly url: string) {}
      async [Symbol.asyncDispose]() {
        log.push("pool closed");
      }
    }
    class Repository implements Disposable {
      readonly pool = inject(Pool);
      [Symbol.dispose]() {
        log.push("repository closed");
      }
    }
    const Cache = token<string>("Cache");
    const container = new Container([
      factory(Cache, [Pool], {
        use: async (pool) => {
          log.push(`cache on ${pool.url}`);
          return "cache";
        },
        dispose: (cache) => void log.push(`${cache} closed`),
      }),
      factory(Pool, [Config], { use: async ({ url }) => new Pool(url) }),
      { provide: Config, useValue: { url: "db" } },
    ]);
    await container.open();
    expect(container.construct(Repository).pool.url).toBe("db");
    await container[Symbol.asyncDispose]();
    await container[Symbol.asyncDispose]();
    expect(log).toEqual(["cache on db", "repository closed", "cache closed", "pool closed"]);
  });

  it("goes on disposing after a failure, and tells it", async () => {
    const log: string[] = [];
    const A = token<string>("A");
    const B = token<string>("B");
    const container = new Container([
      { provide: A, useValue: "a", dispose: () => void log.push("a") },
      { provide: B, useValue: "b", dispose: () => Promise.reject(new TypeError("b broke")) },
    ]);
    container.get(A);
    container.get(B);
    await expect(container[Symbol.asyncDispose]()).rejects.toThrow("b broke");
    expect(log).toEqual(["a"]);
  });

  it("makes one of the scope message for each message", async () => {
    let made = 0;
    const Unit = token<{ readonly id: number }>("Unit");
    const log: string[] = [];
    const container = new Container([
      {
        provide: Unit,
        scope: "message",
        useFactory: () => ({ id: ++made }),
        dispose: () => void log.push("disposed"),
      },
      { provide: Config, useValue: { url: "x" } },
    ]);
    await container.open();
    expect(made).toBe(0);
    const first = container.scope();
    const second = container.scope();
    expect((await first.prepared(Unit)).id).toBe(1);
    expect((await first.prepared(Unit)).id).toBe(1);
    expect((await second.prepared(Unit)).id).toBe(2);
    expect(await second.prepared(Config)).toEqual({ url: "x" });
    await first[Symbol.asyncDispose]();
    expect(log).toEqual(["disposed"]);
    expect(() => container.get(Unit)).toThrow("ctx.get(Unit)");
  });

  it("explains what is missing, too early, circular or in the wrong place", async () => {
    class Needs {
      readonly stock = inject(Stock);
    }
    class Unannotated {
      constructor(readonly stock: Stock) {}
    }
    class A {
      readonly b: unknown = inject(B);
    }
    class B {
      readonly a: unknown = inject(A);
    }
    const X = token<string>("X");
    const Y = token<string>("Y");
    const early = factory(Stock, [], { use: async () => new FixedStock() });
    expect(() => new Container([]).construct(Needs)).toThrow(
      "Needs asks for Stock, which nobody provides: add Stock or { provide: Stock, … } to createApp({ providers })",
    );
    expect(() => new Container([]).construct(Unannotated)).toThrow(
      "Unannotated: nobody knows what constructor parameter 1 gets",
    );
    expect(() => new Container([A, B]).get(A)).toThrow("A → B → A");
    expect(() => new Container([early]).construct(Needs)).toThrow("before its factory has run");
    await expect(
      new Container([factory(X, [Y], { use: (y) => y }), factory(Y, [X], { use: (x) => x })]).open(),
    ).rejects.toThrow("X → Y → X");
    expect(() => inject(Stock)).toThrow("inject(Stock) works in field initializers");
  });
});
