import { VirtualClock } from "@ganglion/kernel";
import { expect, it } from "vitest";
import { ResponseGrants } from "./response-grants.js";

it("forgets used and expired grants", () => {
  const clock = new VirtualClock();
  const grants = new ResponseGrants({ max: 1, expiresMs: 100 }, clock);
  grants.grant("a");
  grants.grant("b");
  expect([grants.use("a"), grants.size]).toEqual([true, 1]);
  clock.advance(60);
  grants.grant("c");
  clock.advance(60);
  grants.grant("d");
  expect(grants.size).toBe(2);
  expect(["a", "b", "c", "d"].map((reply) => grants.use(reply))).toEqual([false, false, true, true]);
  expect(grants.size).toBe(0);
});

it("a grant that is renewed lives from then on", () => {
  const clock = new VirtualClock();
  const grants = new ResponseGrants({ max: 1, expiresMs: 100 }, clock);
  grants.grant("a");
  grants.grant("b");
  clock.advance(60);
  grants.grant("a");
  clock.advance(60);
  grants.grant("c");
  expect(["a", "b"].map((reply) => grants.use(reply))).toEqual([true, false]);
});

it("holds a bounded number of grants, and lets the oldest go", () => {
  const grants = new ResponseGrants({ max: -1, expiresMs: Number.POSITIVE_INFINITY }, new VirtualClock());
  for (let i = 0; i < 70_000; i++) grants.grant(`r.${i}`);
  expect(grants.size).toBe(65_536);
  expect([grants.use("r.0"), grants.use("r.69999")]).toEqual([false, true]);
});
