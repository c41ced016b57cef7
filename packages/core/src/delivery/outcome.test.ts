import { expect, it } from "vitest";
import { failurePolicy, outcomeOf, Verdict } from "./outcome.js";

const policy = failurePolicy({ attempts: 3, backoff: "exponential(1s, 60s)" });
const forgetful = failurePolicy({ attempts: 3, backoff: "1s" }, false);

it.each([
  ["any exception backs off", new TypeError("x"), 1, { kind: "retry", delayMs: 1_000 }],
  ["the next one longer", new TypeError("x"), 2, { kind: "retry", delayMs: 2_000 }],
  ["the last attempt is kept", new TypeError("x"), 3, { kind: "dead" }],
  ["so are attempts after crashes", new TypeError("x"), 9, { kind: "dead" }],
  [
    "a method chooses the wait",
    new Verdict("DELIVERY_RETRY", "x", { after: "9s" }),
    1,
    { kind: "retry", delayMs: 9_000 },
  ],
  ["but not for ever", new Verdict("DELIVERY_RETRY", "x", { after: "9s" }), 3, { kind: "dead" }],
  ["a rejection is final", new Verdict("DELIVERY_REJECTED", "x"), 1, { kind: "reject" }],
  ["so is giving up", new Verdict("DELIVERY_DEAD", "x"), 1, { kind: "dead" }],
] as const)("outcomeOf: %s", (...[, error, attempt, expected]) => {
  expect(outcomeOf(error, attempt, policy)).toEqual(expected);
});

it("outcomeOf keeps nothing where no dead letters are wanted", () => {
  expect(outcomeOf(new TypeError("x"), 3, forgetful)).toEqual({ kind: "reject" });
  expect(outcomeOf(new Verdict("DELIVERY_DEAD", "x"), 1, forgetful)).toEqual({ kind: "reject" });
});
