import { GanglionError, VirtualClock } from "@ganglion/kernel";
import { describe, expect, it } from "vitest";
import { coreError } from "../errors.js";
import { ServiceError } from "../messages/service-error.js";
import { cache } from "./cache.js";
import { type CircuitState, circuitBreaker } from "./circuit-breaker.js";
import { concurrencyLimit } from "./concurrency-limit.js";
import { fallback } from "./fallback.js";
import type { Operation, Policy } from "./policy.js";
import { rateLimit } from "./rate-limit.js";
import { retry } from "./retry.js";
import { runAround } from "./run.js";
import { timeout } from "./timeout.js";

const clock = new VirtualClock();

function operation(fields: Partial<Operation> = {}): Operation {
  return {
    kind: "rpc",
    service: "prices",
    method: "get",
    input: { sku: "a" },
    idempotent: true,
    signal: undefined,
    clock,
    remainingMs: () => undefined,
    ...fields,
  };
}

/** Work that gives these results one after the other; errors are thrown. */
function work(...results: readonly unknown[]) {
  let calls = 0;
  const run = async () => {
    const result = results[Math.min(calls++, results.length - 1)];
    if (result instanceof Error) throw result;
    return result;
  };
  return {
    run,
    get calls() {
      return calls;
    },
  };
}

const down = () => coreError("NO_RESPONDERS", "nobody");
const broken = () => coreError("INTERNAL", "broken", { retryable: true });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error) => (error instanceof GanglionError ? error.code : String(error)),
  );

/** Awaits while time goes on. */
async function passing<T>(promise: Promise<T>, durationMs = 60_000): Promise<T> {
  promise.catch(() => {}); // it is awaited below
  await clock.advanceAsync(durationMs);
  return promise;
}

describe("retry", () => {
  it("tries again until it succeeds, and waits longer each time", async () => {
    const { run } = work(broken(), broken(), "value");
    const startMs = clock.monotonicMs();
    let endedMs = 0;
    const result = retry({ backoff: "exponential(100ms, 1s)" })(operation(), run).then((value) => {
      endedMs = clock.monotonicMs();
      return value;
    });
    expect(await passing(result)).toBe("value");
    // Half of 100 + 200 ms, up to all of it.
    expect(endedMs - startMs).toBeGreaterThanOrEqual(150);
    expect(endedMs - startMs).toBeLessThanOrEqual(300);
  });

  it("gives up after so many attempts, with the last error", async () => {
    const three = work(broken(), broken(), down());
    expect(await passing(codeOf(retry()(operation(), three.run)))).toBe("NO_RESPONDERS");
    expect(three.calls).toBe(3);
  });

  it("does what is not idempotent again only when nothing can have happened", async () => {
    const once = operation({ idempotent: false });
    const started = work(coreError("TIMEOUT", "late", { retryable: true }), "value");
    expect(await passing(codeOf(retry()(once, started.run)))).toBe("TIMEOUT");
    expect(await passing(retry()(once, work(down(), "value").run))).toBe("value");
  });

  it("leaves declared errors and mistakes of the caller alone", async () => {
    const declared = work(new ServiceError("OUT_OF_STOCK", "none left", { data: {} }), "value");
    expect(await passing(codeOf(retry()(operation(), declared.run)))).toBe("OUT_OF_STOCK");
    const mistake = work(coreError("BAD_REQUEST", "no"), "value");
    expect(await passing(codeOf(retry()(operation(), mistake.run)))).toBe("BAD_REQUEST");
  });

  it("ends when the deadline would pass, or the caller gives up", async () => {
    const late = work(broken(), "value");
    const soon = operation({ remainingMs: () => 10 });
    expect(await codeOf(retry({ backoff: "1s" })(soon, late.run))).toBe("INTERNAL");
    const controller = new AbortController();
    const given = codeOf(
      retry({ backoff: "1s" })(operation({ signal: controller.signal }), work(broken(), "value").run),
    );
    await clock.advanceAsync(100);
    controller.abort();
    expect(await given).toBe("INTERNAL");
  });
});

describe("timeout", () => {
  it("ends an attempt, so that retry has time for another", async () => {
    let calls = 0;
    const limits: unknown[] = [];
    const result = runAround([retry(), timeout("100ms")], operation(), (own) => {
      limits.push(own);
      return ++calls === 1 ? new Promise(() => {}) : "value";
    });
    expect(await passing(result)).toBe("value");
    expect(limits).toEqual([{ timeoutMs: 100 }, { timeoutMs: 100 }]);
  });

  it("the tightest of several holds", async () => {
    const seen: unknown[] = [];
    await runAround([timeout("1s"), timeout("5s")], operation(), (limits) => void seen.push(limits));
    expect(seen).toEqual([{ timeoutMs: 1_000 }]);
  });
});

describe("circuitBreaker", () => {
  const failing = async (policy: Policy, times: number, subject = operation()) => {
    const codes: string[] = [];
    for (let n = 0; n < times; n++) codes.push(await codeOf(policy(subject, work(broken()).run)));
    return codes;
  };

  it("opens at the threshold, refuses, lets one try, and closes again", async () => {
    const states: CircuitState[] = [];
    const policy = circuitBreaker({
      minRequests: 4,
      openFor: "5s",
      onChange: (state) => void states.push(state),
    });
    await policy(operation(), work("value").run);
    await policy(operation(), work("value").run);
    expect(await failing(policy, 2)).toEqual(["INTERNAL", "INTERNAL"]);
    expect(states).toEqual(["open"]);
    const refused = await policy(operation(), work("value").run).catch((error) => error);
    expect(refused).toMatchObject({
      code: "CIRCUIT_OPEN",
      retryable: true,
      details: { retryAfterMs: 5_000 },
    });
    clock.advance(5_000);
    expect(await failing(policy, 2)).toEqual(["INTERNAL", "CIRCUIT_OPEN"]);
    clock.advance(5_000);
    expect(await policy(operation(), work("value").run)).toBe("value");
    expect(await failing(policy, 1)).toEqual(["INTERNAL"]);
    expect(states).toEqual(["open", "half-open", "open", "half-open", "closed"]);
  });

  it("lets a single call try at a time", async () => {
    const policy = circuitBreaker({ minRequests: 1, openFor: "1s" });
    await failing(policy, 1);
    clock.advance(1_000);
    const trying = policy(
      operation(),
      () => new Promise((resolve) => clock.schedule(500, () => resolve("ok"))),
    );
    expect(await failing(policy, 1)).toEqual(["CIRCUIT_OPEN"]);
    expect(await passing(trying)).toBe("ok");
  });

  it("counts each endpoint by itself, and not what is long ago", async () => {
    const policy = circuitBreaker({ minRequests: 2, window: "10s" });
    await failing(policy, 1);
    clock.advance(11_000);
    await failing(policy, 1);
    expect(await policy(operation(), work("value").run)).toBe("value");
    await failing(policy, 5, operation({ method: "other" }));
    expect(await policy(operation(), work("value").run)).toBe("value");
  });

  it("an error the endpoint declares, and one of the caller, is no failure", async () => {
    const policy = circuitBreaker({ minRequests: 5, threshold: 0.2 });
    const declared = new ServiceError("GONE", "gone", { data: {} });
    for (const error of [declared, coreError("BAD_REQUEST", "no"), new GanglionError("ABORTED", "gave up")]) {
      await codeOf(policy(operation(), work(error).run));
    }
    expect(await policy(operation(), work("value").run)).toBe("value");
    expect(await codeOf(policy(operation(), work(new Error("defect")).run))).toBe("Error: defect");
    expect(await codeOf(policy(operation(), work("value").run))).toBe("CIRCUIT_OPEN");
  });
});

describe("rateLimit", () => {
  it("lets a burst through, then a steady rate", async () => {
    const policy = rateLimit({ limit: 10, per: "1s", burst: 2 });
    const once = () => codeOf(policy(operation(), work("value").run));
    expect([await once(), await once(), await once()]).toEqual(["no error", "no error", "RATE_LIMITED"]);
    const refused = await policy(operation(), work("value").run).catch((error) => error);
    expect(refused).toMatchObject({ retryable: true, details: { retryAfterMs: 100 } });
    clock.advance(100);
    expect([await once(), await once()]).toEqual(["no error", "RATE_LIMITED"]);
  });

  it("keeps operations waiting for their turn when it may", async () => {
    const policy = rateLimit({ limit: 10, burst: 1, maxWait: "250ms" });
    const startedMs: number[] = [];
    const from = clock.monotonicMs();
    const all = [1, 2, 3, 4].map(() =>
      codeOf(policy(operation(), async () => startedMs.push(Math.round(clock.monotonicMs() - from)))),
    );
    expect(await passing(Promise.all(all))).toEqual(["no error", "no error", "no error", "RATE_LIMITED"]);
    expect(startedMs).toEqual([0, 100, 200]);
  });
});

describe("concurrencyLimit", () => {
  it("runs so many at a time, keeps some waiting and refuses the others", async () => {
    const policy = concurrencyLimit({ limit: 1, queue: 1 });
    const ends: (() => void)[] = [];
    const once = () => codeOf(policy(operation(), () => new Promise<void>((end) => ends.push(end))));
    const [first, second, third] = [once(), once(), once()];
    expect(await third).toBe("OVERLOADED");
    expect(ends.length).toBe(1);
    ends[0]?.();
    expect(await first).toBe("no error");
    await clock.advanceAsync(0);
    expect(ends.length).toBe(2);
    ends[1]?.();
    expect(await second).toBe("no error");
  });

  it("does not run what was given up while it waited", async () => {
    const policy = concurrencyLimit({ limit: 1, queue: 1 });
    let end = () => {};
    const first = policy(operation(), () => new Promise<void>((resolve) => (end = resolve)));
    const controller = new AbortController();
    const waiting = work("value");
    const given = policy(operation({ signal: controller.signal }), waiting.run);
    await clock.advanceAsync(0);
    controller.abort(new Error("gave up"));
    end();
    await first;
    await expect(given).rejects.toThrow("gave up");
    expect(waiting.calls).toBe(0);
  });
});

describe("fallback", () => {
  it("stands in for failures, not for answers", async () => {
    const policy = fallback((error) => (error as GanglionError).code);
    expect(await policy(operation(), work(broken()).run)).toBe("INTERNAL");
    expect(await policy(operation(), work("value").run)).toBe("value");
    const declared = work(new ServiceError("OUT_OF_STOCK", "none left", { data: {} }));
    expect(await codeOf(policy(operation(), declared.run))).toBe("OUT_OF_STOCK");
  });
});

describe("cache", () => {
  it("remembers a result for its time, by input and endpoint", async () => {
    const policy = cache({ ttl: "10s" });
    const prices = work(1, 2, 3, 4, 5);
    expect(await policy(operation(), prices.run)).toBe(1);
    expect(await policy(operation(), prices.run)).toBe(1);
    expect(await policy(operation({ input: { sku: "b" } }), prices.run)).toBe(2);
    expect(await policy(operation({ method: "list" }), prices.run)).toBe(3);
    clock.advance(10_001);
    expect(await policy(operation(), prices.run)).toBe(4);
  });

  it("remembers no failure, and nothing of an endpoint that changes things", async () => {
    const policy = cache({ ttl: "10s" });
    const prices = work(broken(), 1, 2);
    expect(await codeOf(policy(operation(), prices.run))).toBe("INTERNAL");
    expect(await policy(operation(), prices.run)).toBe(1);
    const changing = operation({ idempotent: false });
    const places = work(1, 2);
    expect([await policy(changing, places.run), await policy(changing, places.run)]).toEqual([1, 2]);
  });

  it("asks once for those who ask at the same time; one that gives up does not fail the others", async () => {
    const policy = cache({ ttl: "10s" });
    const prices = work(1, 2);
    const both = Promise.all([policy(operation(), prices.run), policy(operation(), prices.run)]);
    expect(await both).toEqual([1, 1]);
    const other = operation({ input: { sku: "b" } });
    const givenUp = codeOf(policy(other, work(new GanglionError("ABORTED", "gave up")).run));
    const patient = policy(other, work(7).run);
    expect([await givenUp, await patient]).toEqual(["ABORTED", 7]);
  });

  it("forgets what was not used for longest", async () => {
    const policy = cache({ ttl: "10s", maxEntries: 2, key: ({ input }) => String(input) });
    const values = work(1, 2, 3, 4);
    const get = (input: string) => policy(operation({ input }), values.run);
    expect([await get("a"), await get("b"), await get("a"), await get("c"), await get("b")]).toEqual([
      1, 2, 1, 3, 4,
    ]);
  });
});

it("options that make no sense are refused", () => {
  const wrong: readonly (() => unknown)[] = [
    () => retry({ attempts: 0 }),
    () => timeout(0),
    () => circuitBreaker({ threshold: 0 }),
    () => circuitBreaker({ minRequests: 0 }),
    () => rateLimit({ limit: 0 }),
    () => rateLimit({ limit: 1, burst: 0 }),
    () => concurrencyLimit({ limit: 0 }),
    () => concurrencyLimit({ limit: 1, queue: -1 }),
    () => cache({ ttl: 0 }),
    () => cache({ ttl: "1s", maxEntries: 0 }),
  ];
  for (const make of wrong) expect(make).toThrow(expect.objectContaining({ code: "INVALID_OPTIONS" }));
});
