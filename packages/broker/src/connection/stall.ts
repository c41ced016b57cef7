import type { Duplex } from "node:stream";
import type { Clock } from "@ganglion/kernel";
import type { Outbox } from "./outbox.js";

/**
 * Longest pause of a fast producer at a time.
 *
 * Source: nats-server client.go `stallTotalAllowed`.
 */
const STALL_MS = 10;

/**
 * Stops reading from a producer until the congested destination has room, but not longer than a moment: a consumer
 * that stays slow is closed, it must not hold up its producers.
 */
export function stall(producer: Duplex, destination: Pick<Outbox, "whenUncongested">, clock: Clock): void {
  producer.pause();
  let isOver = false;
  const resume = () => {
    if (isOver) return;
    isOver = true;
    timer.cancel();
    producer.resume();
  };
  const timer = clock.schedule(STALL_MS, resume);
  destination.whenUncongested(resume);
}
