import { expect, it } from "vitest";
import { type Backoff, backoffMs } from "./backoff.js";

it.each([
  ["2s", [2_000, 2_000]],
  [250, [250, 250]],
  ["fixed(1s)", [1_000, 1_000]],
  ["linear(1s, 2500ms)", [1_000, 2_000, 2_500, 2_500]],
  ["exponential(1s, 5s)", [1_000, 2_000, 4_000, 5_000, 5_000]],
  [
    ["1s", 50],
    [1_000, 50, 50],
  ],
] satisfies [Backoff, number[]][])("backoffMs reads %j", (backoff, expected) => {
  const wait = backoffMs(backoff);
  expect(expected.map((_, index) => wait(index + 1))).toEqual(expected);
});

it.each(["sometimes(1s)", "fixed()", "exponential(1s, 2s, 3s)", []])("backoffMs refuses %j", (backoff) => {
  expect(() => backoffMs(backoff as Backoff)).toThrow("Invalid backoff");
});
