import type { Duration } from "@ganglion/kernel";
import type { Backoff } from "../delivery/backoff.js";

/** Limits of one method. */
export interface DeliveryLimits {
  /** Messages the method works on at a time, in this process. @default 128 for handlers, 16 for workers and subscribers */
  readonly concurrency?: number;
  /** Longest time one message may take; then its signal is aborted and it counts as failed. */
  readonly timeout?: Duration;
  /**
   * Keeps a record of every message for a day, so that one that comes again gets the stored outcome instead of
   * another run: events and tasks by their id, requests by the idempotency key of their caller (those without one are
   * not recorded). A process that dies in between leaves the message to the next one: effects outside need
   * `ctx.idempotencyKey`. Costs two writes and a read for each message.
   *
   * @default false
   */
  readonly once?: boolean;
}

/** How often and when a failed message is delivered again. */
export interface RetryOptions {
  /** Deliveries in all, the first included. @default 5 */
  readonly attempts?: number;
  /** Wait before the next delivery. @default "exponential(1s, 60s)" */
  readonly backoff?: Backoff;
}

/** Options workers and subscribers share. */
export interface DurableOptions extends DeliveryLimits {
  readonly retry?: RetryOptions;
  /** Keeps a message that was given up in the service's dead-letter stream. @default true */
  readonly deadLetter?: boolean;
  /** Time without a sign of life after which the server delivers a message again. @default 30 s */
  readonly ackWait?: Duration;
  /**
   * Handles messages of one key one at a time and in order, in this process: while a message backs off, later ones
   * of its key wait. `"key"` uses the key the event or task declares.
   */
  readonly orderBy?: "key";
  /**
   * For partitioned events and tasks: how long a process that shows no sign of life keeps its partitions. Shorter:
   * quicker takeover; longer: more patience with paused processes.
   *
   * @default 10 s
   */
  readonly partitionLease?: Duration;
}
