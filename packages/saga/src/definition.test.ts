import { isGanglionError } from "@ganglion/kernel";
import { expect, it } from "vitest";
import * as z from "zod";
import { defineSaga, type RecordedStep, type SagaOptions, type StepOptions } from "./definition.js";

const input = z.object({ total: z.number() });

function define(
  steps: Record<string, StepOptions>,
  options: Partial<SagaOptions> = {},
  methods: string[] = [],
) {
  const recorded: RecordedStep[] = Object.entries(steps).map(([name, option]) => ({ name, options: option }));
  const known = new Set([...Object.keys(steps), ...methods]);
  return defineSaga({
    name: "checkout",
    options: { input, ...options },
    steps: recorded,
    hasMethod: (name) => known.has(name),
  });
}

function faultsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (error) {
    if (isGanglionError(error, "SAGA_INVALID_DEFINITION")) return error.details.faults as string[];
    throw error;
  }
  return [];
}

it("a step without after follows every step above it, and sees no results", () => {
  const { steps } = define({ a: {}, b: { after: [] }, c: {} });
  expect(steps.get("c")).toMatchObject({ after: ["a", "b"], sees: [] });
  expect(steps.get("b")).toMatchObject({ after: [], sees: [] });
});

it("a step with after follows and sees exactly those", () => {
  const { steps } = define({ a: {}, b: {}, c: { after: ["a"] } });
  expect(steps.get("c")).toMatchObject({ after: ["a"], sees: ["a"] });
});

it("defaults are three attempts, 30 s per attempt, 64 sagas at a time", () => {
  const definition = define({ a: {} });
  expect(definition).toMatchObject({ version: 1, concurrency: 64, retentionMs: 7 * 86_400_000 });
  expect(definition.steps.get("a")).toMatchObject({ timeoutMs: 30_000, pivot: false, delayMs: 0 });
  expect(definition.steps.get("a")?.retry.attempts).toBe(3);
});

it("with waitFor the timeout is the time to wait, not that of an attempt", () => {
  const { steps } = define({ a: { waitFor: "approved", timeout: "7d" } });
  expect(steps.get("a")).toMatchObject({
    timeoutMs: 30_000,
    wait: { signal: "approved", timeoutMs: 604_800_000 },
  });
});

it("every fault is reported at once", () => {
  const faults = faultsOf(() =>
    define(
      {
        a: { compensate: "nope", after: ["zzz"] },
        b: { compensate: "a", retry: { attempts: 0 } },
        c: { onTimeout: "missing", timeout: "soon" as never },
      },
      { version: 0, concurrency: 0, input: undefined as never },
    ),
  );
  expect(faults).toEqual([
    "version 0 must be an integer ≥ 1",
    "concurrency 0 must be an integer from 1 to 10000",
    "input is missing",
    'step "a" names "nope" as compensate: no such method',
    'step "a" comes after "zzz": no such step',
    'step "b" names "a" as compensate: that is a step',
    expect.stringContaining("attempts"),
    'step "c" names "missing" as onTimeout: no such method',
    'step "c" has onTimeout without waitFor',
    expect.stringContaining('"soon"'),
  ]);
});

it("steps that wait for each other are refused, with the circle", () => {
  const faults = faultsOf(() => define({ a: { after: ["c"] }, b: { after: ["a"] }, c: { after: ["b"] } }));
  expect(faults).toEqual(['steps wait for each other: "a" after "c" after "b" after "a"']);
});

it("a compensation past the pivot is refused: it would never run", () => {
  const faults = faultsOf(() => define({ a: { pivot: true }, b: { compensate: "undo" } }, {}, ["undo"]));
  expect(faults).toEqual(['step "b" follows the pivot "a": its compensation never runs']);
});

it("two pivots are refused", () => {
  expect(faultsOf(() => define({ a: { pivot: true }, b: { pivot: true } }))).toEqual([
    'only one step can be the pivot: "a", "b"',
  ]);
});

it("the hash follows order, names and compensations, not policies", () => {
  const base = define({ a: { compensate: "undo" }, b: {} }, {}, ["undo"]).hash;
  expect(define({ a: { compensate: "undo", timeout: "1s" }, b: {} }, {}, ["undo"]).hash).toBe(base);
  expect(define({ a: {}, b: {} }).hash).not.toBe(base);
  expect(define({ a: { compensate: "undo" }, b: { after: [] } }, {}, ["undo"]).hash).not.toBe(base);
});

it("input is checked, and kept in the form JSON can hold", () => {
  const when = z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString() as never, // a template literal type
  });
  const { input: form } = define({ a: {} }, { input: z.object({ when }) });
  const date = new Date(Date.UTC(2026, 0, 2));
  expect(form.encode({ when: date.toISOString() })).toEqual({ when: "2026-01-02T00:00:00.000Z" });
  expect(form.decode({ when: "2026-01-02T00:00:00.000Z" })).toEqual({ when: date });
  expect(() => form.encode({ when: "tomorrow" })).toThrow(/SAGA|when/);
});
