import { expect, it } from "vitest";
import { progressOf } from "./progress.js";

it("progressOf reckons percent, speed and time left over several streams", () => {
  const stretches = [
    { stream: "a", from: 0, to: 100 },
    { stream: "b", from: 50, to: 150 },
  ];
  const progress = progressOf(stretches, { positions: { a: 100, b: 50 }, events: 80, elapsedMs: 2_000 });
  expect(progress).toMatchObject({ events: 80, eventsPerSecond: 40, percent: 50, etaMs: 2_000 });
});

it("progressOf is done when there is nothing to replay, and knows no time left before the first event", () => {
  expect(progressOf([], { positions: {}, events: 0, elapsedMs: 0 })).toMatchObject({
    percent: 100,
    etaMs: 0,
  });
  const stretches = [{ stream: "a", from: 0, to: 10 }];
  expect(progressOf(stretches, { positions: {}, events: 0, elapsedMs: 10 })).toMatchObject({
    percent: 0,
    etaMs: undefined,
  });
});

it("progressOf counts no more than the stretch, however far the stream has grown", () => {
  const stretches = [{ stream: "a", from: 0, to: 10 }];
  expect(progressOf(stretches, { positions: { a: 50 }, events: 50, elapsedMs: 10 }).percent).toBe(100);
});
