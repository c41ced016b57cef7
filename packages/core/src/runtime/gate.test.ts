import { expect, it } from "vitest";
import { Gate } from "./gate.js";

it("Gate runs so many at a time, keeps so many waiting in order, and refuses the rest", () => {
  const started: number[] = [];
  const gate = new Gate<number>(2, 3, (work) => started.push(work));
  expect([1, 2, 3, 4, 5, 6].map((work) => gate.enter(work))).toEqual([true, true, true, true, true, false]);
  expect(started).toEqual([1, 2]);
  expect([gate.running, gate.queued]).toEqual([2, 3]);
  gate.done();
  gate.done();
  expect(started).toEqual([1, 2, 3, 4]);
  expect(gate.clear()).toEqual([5]);
  gate.done();
  gate.done();
  expect([gate.running, gate.queued]).toEqual([0, 0]);
});

it("Gate keeps its order over many rounds", () => {
  const started: number[] = [];
  const gate = new Gate<number>(1, 10_000, (work) => started.push(work));
  for (let work = 0; work < 5_000; work++) gate.enter(work);
  for (let work = 0; work < 5_000; work++) gate.done();
  expect(started).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
  expect(gate.running).toBe(0);
});
