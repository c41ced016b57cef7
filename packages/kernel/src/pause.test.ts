import { expect, it } from "vitest";
import { pause } from "./pause.js";
import { VirtualClock } from "./virtual-clock.js";

it("pause resolves when its time has come, and not before", async () => {
  const clock = new VirtualClock();
  let over = false;
  const paused = pause(clock, 100).then(() => {
    over = true;
  });
  await clock.advanceAsync(99);
  expect(over).toBe(false);
  await clock.advanceAsync(1);
  await paused;
});

it("pause resolves at once when its signal is aborted, before or meanwhile, and takes its timer back", async () => {
  const clock = new VirtualClock();
  await pause(clock, 100, AbortSignal.abort());
  const controller = new AbortController();
  const paused = pause(clock, 100, controller.signal);
  expect(clock.timerCount).toBe(1);
  controller.abort();
  await paused;
  expect(clock.timerCount).toBe(0);
});
