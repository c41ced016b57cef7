import { expect, it } from "vitest";
import { isAtLeast } from "./server-version.js";

it.each([
  ["2.9.10", [2, 9, 10], true],
  ["2.9.9", [2, 9, 10], false],
  ["2.10.0", [2, 9, 21], true],
  ["v2.11.0-dev", [2, 11, 0], true],
  ["3.0.0", [2, 12, 0], true],
  ["unknown", [2, 9, 0], false],
] as const)("isAtLeast(%j, %j) is %s", (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});
