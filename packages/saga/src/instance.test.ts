import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineSaga, type SagaDefinition, type StepOptions } from "./definition.js";
import { apply, MAX_BUFFERED_SIGNALS, type SagaEvent, startEntry } from "./instance.js";
import type { SagaEntry } from "./journal.js";

const T0 = 1_000_000;

function saga(steps: Record<string, StepOptions>, timeoutMs?: number): SagaDefinition {
  return defineSaga({
    name: "checkout",
    options: {
      input: z.any(),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    },
    steps: Object.entries(steps).map(([name, options]) => ({ name, options })),
    hasMethod: () => true,
  });
}

type Bare<E = SagaEvent> = E extends SagaEvent ? Omit<E, "atMs"> & { atMs?: number } : never;

function start(definition: SagaDefinition): SagaEntry {
  return startEntry(definition, { id: "s1", input: { total: 5 }, atMs: T0, trace: {}, sequence: 1 });
}

function play(definition: SagaDefinition, ...events: Bare[]): SagaEntry {
  return events.reduce(
    (entry, event) => apply(definition, entry, { atMs: T0, ...event } as SagaEvent),
    start(definition),
  );
}

const ok = (step: string, result?: unknown): Bare => ({ type: "succeeded", step, result });
const fail = (step: string, definite = true): Bare => ({
  type: "failed",
  step,
  definite,
  error: { step, code: "NO", message: "no" },
});
const undone = (step: string): Bare => ({ type: "compensated", step });
const signal = (name: string, data?: unknown): Bare => ({ type: "signalled", name, data, sequence: 9 });
const states = (entry: SagaEntry) =>
  Object.fromEntries(Object.entries(entry.steps).map(([name, step]) => [name, step.state]));

const CHAIN = saga({ a: { compensate: "ua" }, b: { compensate: "ub" }, c: { compensate: "uc" } });

describe("forward", () => {
  it("one step after the other, and completed with the last: N + 1 entries for N steps", () => {
    expect(states(start(CHAIN))).toEqual({ a: "running" });
    expect(states(play(CHAIN, ok("a")))).toEqual({ a: "done", b: "running" });
    const entry = play(CHAIN, ok("a", 1), ok("b", 2), ok("c", 3));
    expect(entry.status).toBe("completed");
    expect(entry.steps.b?.result).toBe(2);
  });

  it("steps whose dependencies are met run together, and the join waits for all", () => {
    const definition = saga({ a: {}, b: { after: ["a"] }, c: { after: ["a"] }, d: { after: ["b", "c"] } });
    expect(states(play(definition, ok("a")))).toEqual({ a: "done", b: "running", c: "running" });
    expect(states(play(definition, ok("a"), ok("c")))).toEqual({ a: "done", b: "running", c: "done" });
    expect(states(play(definition, ok("a"), ok("c"), ok("b"))).d).toBe("running");
  });

  it("a skipped step counts as over", () => {
    expect(play(CHAIN, { type: "skipped", step: "a" }).steps.b?.state).toBe("running");
  });

  it("a delay suspends until its time, and only until then", () => {
    const definition = saga({ a: { delay: 500 } });
    const entry = start(definition);
    expect(entry).toMatchObject({ status: "suspended", dueAtMs: T0 + 500 });
    expect(play(definition, { type: "woken", atMs: T0 + 499 }).status).toBe("suspended");
    expect(play(definition, { type: "woken", atMs: T0 + 500 }).status).toBe("running");
  });
});

describe("backward", () => {
  it("undoes what succeeded in reverse order, not the step that refused", () => {
    let entry = play(CHAIN, ok("a"), ok("b"), fail("c"));
    expect(entry.status).toBe("compensating");
    expect(states(entry)).toEqual({ a: "done", b: "compensating", c: "failed" });
    entry = play(CHAIN, ok("a"), ok("b"), fail("c"), undone("b"));
    expect(states(entry)).toEqual({ a: "compensating", b: "compensated", c: "failed" });
    entry = play(CHAIN, ok("a"), ok("b"), fail("c"), undone("b"), undone("a"));
    expect(entry.status).toBe("compensated");
    expect(entry.failure).toMatchObject({ step: "c", code: "NO" });
  });

  it("undoes a step in doubt first", () => {
    expect(states(play(CHAIN, ok("a"), fail("b", false)))).toEqual({ a: "done", b: "compensating" });
  });

  it("a step a vanished worker was running is in doubt, even if it refuses afterwards", () => {
    expect(states(play(CHAIN, ok("a"), { type: "taken-over" }, fail("b")))).toMatchObject({
      b: "compensating",
    });
    expect(states(play(CHAIN, ok("a"), fail("b")))).toMatchObject({ b: "failed", a: "compensating" });
  });

  it("waits for steps that run, starts none, and undoes in completion order", () => {
    const definition = saga({
      a: { after: [], compensate: "ua" },
      b: { after: [], compensate: "ub" },
      c: { after: ["a"], compensate: "uc" },
      d: { after: [] },
    });
    let entry = play(definition, ok("b"), fail("d"));
    expect(entry.status).toBe("running");
    entry = play(definition, ok("b"), fail("d"), ok("a"));
    expect(states(entry)).toEqual({ b: "done", a: "compensating", d: "failed" });
  });

  it("a failed saga waits for nothing: a wait is forgotten, a step between two attempts is in doubt", () => {
    const definition = saga({
      w: { after: [], waitFor: "go" },
      r: { after: [], compensate: "ur" },
      f: { after: [] },
    });
    const later: Bare = {
      type: "retry-later",
      step: "r",
      definite: false,
      attempts: 1,
      dueAtMs: T0 + 9,
      error: { step: "r", code: "TIMEOUT", message: "" },
    };
    expect(states(play(definition, later, fail("f")))).toEqual({ r: "compensating", f: "failed" });
  });

  it("a compensation that gives up leaves the saga stuck until an operator retries", () => {
    const entry = play(CHAIN, ok("a"), fail("b"), fail("a"));
    expect(entry).toMatchObject({
      status: "stuck",
      stuck: expect.stringContaining("compensation of a failed"),
    });
    const again = play(CHAIN, ok("a"), fail("b"), fail("a"), { type: "retried", sequence: 3 });
    expect(again).toMatchObject({ status: "compensating", steps: { a: { state: "compensating" } } });
    expect(again.stuck).toBeUndefined();
  });
});

describe("pivot", () => {
  const definition = saga({ a: { compensate: "ua" }, p: { pivot: true }, z: {} });

  it("before it: compensated", () => {
    expect(play(definition, ok("a"), fail("p")).status).toBe("compensating");
  });

  it("past it: stuck, and a retry goes forward", () => {
    expect(play(definition, ok("a"), ok("p"), fail("z")).status).toBe("stuck");
    const retried = play(definition, ok("a"), ok("p"), fail("z"), { type: "retried", sequence: 2 });
    expect(retried).toMatchObject({ status: "running", steps: { z: { state: "running" } } });
  });

  it("in doubt without a compensation of its own: stuck, since neither way is right", () => {
    expect(play(definition, ok("a"), fail("p", false)).status).toBe("stuck");
  });

  it("an idempotent pivot that refuses after an interrupted attempt has not happened", () => {
    const sure = saga({ a: { compensate: "ua" }, p: { pivot: true, idempotent: true } });
    const unsure = saga({ a: { compensate: "ua" }, p: { pivot: true } });
    const interrupted: Bare[] = [ok("a"), { type: "taken-over" }];
    expect(play(sure, ...interrupted, fail("p")).status).toBe("compensating");
    expect(play(unsure, ...interrupted, fail("p")).status).toBe("stuck");
    // What nobody answered stays in doubt.
    expect(play(sure, ...interrupted, fail("p", false)).status).toBe("stuck");
  });

  it("a cancel that comes while the pivot runs loses if the pivot succeeds", () => {
    const cancel: Bare = { type: "cancelled", reason: "changed my mind", sequence: 2 };
    expect(play(definition, ok("a"), cancel, ok("p"))).toMatchObject({
      status: "running",
      steps: { z: { state: "running" } },
    });
    expect(play(definition, ok("a"), cancel, fail("p")).status).toBe("compensating");
    expect(play(definition, ok("a"), ok("p"), cancel).failure).toBeUndefined();
  });
});

describe("waiting", () => {
  const definition = saga({ a: {}, w: { waitFor: "paid", timeout: 1_000, onTimeout: "late" }, z: {} });

  it("suspends, and a signal runs the step with its data", () => {
    expect(play(definition, ok("a"))).toMatchObject({ status: "suspended", dueAtMs: T0 + 1_000 });
    const entry = play(definition, ok("a"), signal("paid", { by: "card" }));
    expect(entry).toMatchObject({
      status: "running",
      steps: { w: { state: "running", signal: { data: { by: "card" } } } },
    });
    expect(entry.dueAtMs).toBeUndefined();
  });

  it("a signal that arrives before the wait is kept for it", () => {
    const entry = play(definition, signal("paid", 1), ok("a"));
    expect(entry).toMatchObject({ status: "running", steps: { w: { signal: { data: 1 } } }, signals: [] });
  });

  it("a signal nobody will wait for is accounted for and ignored", () => {
    expect(play(definition, signal("nope"))).toMatchObject({ signals: [], applied: [1, 9] });
  });

  it("kept signals are limited", () => {
    const many = Array.from({ length: MAX_BUFFERED_SIGNALS + 5 }, (_, index) => signal("paid", index));
    expect(play(definition, ...many).signals).toHaveLength(MAX_BUFFERED_SIGNALS);
  });

  it("when the time is over, onTimeout runs in the step's place", () => {
    const entry = play(definition, ok("a"), { type: "woken", atMs: T0 + 1_000 });
    expect(entry.steps.w).toEqual({ state: "running", expired: true });
  });

  it("when the time is over without onTimeout, the step has failed and is not in doubt", () => {
    const plain = saga({ a: { compensate: "ua" }, w: { waitFor: "paid", timeout: 1_000, compensate: "uw" } });
    const entry = play(plain, ok("a"), { type: "woken", atMs: T0 + 1_000 });
    expect(entry).toMatchObject({ status: "compensating", failure: { code: "SAGA_WAIT_TIMEOUT" } });
    expect(states(entry)).toEqual({ a: "compensating", w: "failed" });
  });

  it("the saga's own timeout wakes it and compensates", () => {
    const limited = saga({ a: { compensate: "ua" }, w: { waitFor: "paid" } }, 5_000);
    expect(play(limited, ok("a")).dueAtMs).toBe(T0 + 5_000);
    expect(play(limited, ok("a"), { type: "woken", atMs: T0 + 5_000 })).toMatchObject({
      status: "compensating",
      failure: { code: "SAGA_TIMEOUT" },
    });
  });
});

it("an ended saga never changes", () => {
  const ended = play(CHAIN, ok("a"), ok("b"), ok("c"));
  for (const event of [signal("x"), fail("a"), { type: "terminated", reason: "", sequence: 4 } as Bare]) {
    expect(apply(CHAIN, ended, { atMs: T0, ...event } as SagaEvent)).toBe(ended);
  }
});

it("the timeline stays bounded", () => {
  const definition = saga({ a: {}, w: { waitFor: "paid" } });
  const many = Array.from({ length: 500 }, () => signal("nope"));
  expect(play(definition, ...many).timeline.length).toBeLessThanOrEqual(100);
});
