import { PassThrough } from "node:stream";
import { VirtualClock } from "@ganglion/kernel";
import { expect, test } from "vitest";
import { stall } from "./stall.js";

function setUp() {
  const producer = new PassThrough();
  producer.resume();
  const clock = new VirtualClock();
  let relieve = () => {};
  stall(
    producer,
    {
      whenUncongested: (callback) => {
        relieve = callback;
      },
    },
    clock,
  );
  return { producer, clock, relieve: () => relieve() };
}

test("stall lets the producer go on as soon as the destination has room", () => {
  const { producer, clock, relieve } = setUp();
  expect(producer.isPaused()).toBe(true);
  relieve();
  expect(producer.isPaused()).toBe(false);
  expect(clock.timerCount).toBe(0);
});

test("stall does not hold a producer up for longer than a moment", () => {
  const { producer, clock, relieve } = setUp();
  clock.advance(9);
  expect(producer.isPaused()).toBe(true);
  clock.advance(1);
  expect(producer.isPaused()).toBe(false);
  producer.pause();
  relieve();
  expect(producer.isPaused()).toBe(true);
});
