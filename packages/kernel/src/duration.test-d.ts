import { expectTypeOf, it } from "vitest";
import { type Duration, durationMs } from "./duration.js";

it("a Duration is a number or a number with a known unit", () => {
  expectTypeOf<"1.5s">().toExtend<Duration>();
  expectTypeOf<250>().toExtend<Duration>();
  expectTypeOf<"2 weeks">().not.toExtend<Duration>();
  expectTypeOf<"s">().not.toExtend<Duration>();
  // @ts-expect-error an unknown unit does not compile
  durationMs("3y");
});
