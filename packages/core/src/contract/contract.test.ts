import { isGanglionError } from "@ganglion/kernel";
import { expect, it } from "vitest";
import * as z from "zod";
import { contract, contractInfoOf } from "./contract.js";
import { event, rpc, task } from "./spec.js";

const text = z.string();
const Tree = z.object({
  get children() {
    return z.array(Tree);
  },
});

it("contract binds names, service and subjects", () => {
  const Orders = contract("orders", {
    version: "2.1.0",
    place: rpc({ input: text, output: text, timeout: "2s" }),
    created: event({ data: text, subject: "orders.{region}.created" }),
    ship: task({ data: text }),
  });
  expect(Orders.place).toMatchObject({ kind: "rpc", name: "place", service: "orders", timeoutMs: 2_000 });
  expect(Orders.place.template.pattern).toBe("orders.place");
  expect(Orders.created.template.pattern).toBe("orders.*.created");
  expect(Orders.ship.contract.major).toBe(2);
  expect(contractInfoOf(Orders)).toMatchObject({ service: "orders", version: "2.1.0", major: 2 });
  expect(contractInfoOf({})).toBeUndefined();
  expect(Object.isFrozen(Orders)).toBe(true);
  expect(Object.keys(Orders)).toEqual(["place", "created", "ship"]);
});

it("contract refuses with all faults at once", () => {
  const faults = faultsOf(() =>
    contract("or ders", {
      version: "1",
      // biome-ignore lint/suspicious/noThenProperty: it is refused
      then: rpc({ input: text, output: text }),
      a: event({ data: text, subject: "same" }),
      b: event({ data: text, subject: "same" }),
      // biome-ignore lint/suspicious/noExplicitAny: not from TypeScript
      c: 1 as any,
    }),
  );
  expect(faults).toEqual([
    'service name "or ders" must match ^[A-Za-z0-9_-]+$',
    'version "1" must be semantic, such as "1.0.0"',
    'endpoint name "then" must match ^[A-Za-z0-9_-]+$ and not be reserved',
    "b and a share the subject same",
    "c is no endpoint: use rpc(), event() or task()",
  ]);
});

it.each([
  ["date", z.object({ at: z.date() }), "data is not JSON (Date cannot be represented"],
  ["bigint", z.bigint(), "data is not JSON"],
  ["map", z.map(text, text), "data is not JSON"],
  ["instance", z.instanceof(Date), "data is not JSON"],
  ["transform", z.object({ a: text.transform((s) => s.length) }), "one-way transform"],
  ["preprocess", z.preprocess((s) => s, text), "one-way transform"],
  ["transform behind a pipe", text.pipe(z.transform((s) => s)).pipe(text), "one-way transform"],
])("contract refuses a schema with %s", (_name, data, fault) => {
  expect(faultsOf(() => contract("s", { version: "1.0.0", e: event({ data }) })).join()).toContain(fault);
});

it.each([
  ["a codec", z.object({ on: z.stringbool() })],
  [
    "a recursive object",
    z.object({
      get next() {
        return z.optional(text);
      },
    }),
  ],
  ["defaults and trims", z.object({ a: text.trim().default("x"), b: z.coerce.number().catch(1) })],
  ["nothing", z.void()],
])("contract takes a schema with %s", (_name, data) => {
  expect(() => contract("s", { version: "1.0.0", e: event({ data }) })).not.toThrow();
});

it("contract names the schema of an rpc that is refused", () => {
  const bad = z.date();
  const faults = faultsOf(() =>
    contract("s", {
      version: "1.0.0",
      r: rpc({ input: bad, output: bad, errors: { GONE: bad } }),
    }),
  );
  expect(faults.map((fault) => fault.split(" ")[0])).toEqual(["r.input", "r.output", "r.errors.GONE"]);
});

function faultsOf(create: () => unknown): readonly string[] {
  try {
    create();
  } catch (error) {
    if (isGanglionError(error, "INVALID_CONTRACT")) return error.details.faults as string[];
    throw error;
  }
  return expect.unreachable("the contract was taken");
}
